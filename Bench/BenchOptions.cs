using Loire.Bench.Measurements;

namespace Loire.Bench;

/// <summary>The command line.</summary>
/// <param name="Quick">Shorter and smaller: to see that everything runs, not to quote.</param>
/// <param name="JsonPath">Where the figures go.</param>
/// <param name="DataDirectory">The directory on the volume to measure; the broker's data goes under it.</param>
public sealed record BenchOptions(IReadOnlyList<string> Measurements, bool Quick, string JsonPath, string DataDirectory)
{
    public static string Help =>
        $"""
        ./bench [MEASUREMENT...] [--quick] [--json FILE] [--data DIR]
        {SimulationCommand.Help}

        Without a name everything is measured, which takes some minutes. The limits are always measured first.
        {string.Join("\n", Measurement.All.Select(measurement => $"  {measurement.Name,-12} {measurement.Description}"))}

          --quick      shorter and smaller: shows that everything runs, its figures are not to be quoted
          --json FILE  where the figures are written; default bench-results/<date>.json
          --data DIR   a directory on the volume to measure; default the temporary directory
        """;

    /// <exception cref="ArgumentException">The message says what is wrong with the arguments.</exception>
    public static BenchOptions Parse(string[] arguments, DateTimeOffset now)
    {
        var known = Measurement.All.Select(measurement => measurement.Name).ToList();
        var measurements = new List<string>();
        var quick = false;
        var json = $"bench-results/{now:yyyy-MM-dd-HHmm}.json";
        var data = Path.GetTempPath();
        for (var i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--quick":
                    quick = true;
                    break;
                case "--json":
                    json = ValueOf(arguments, ref i);
                    break;
                case "--data":
                    data = ValueOf(arguments, ref i);
                    break;
                case var name when known.Contains(name):
                    measurements.Add(name);
                    break;
                case var unknown:
                    throw new ArgumentException($"'{unknown}' is neither a measurement ({string.Join(", ", known)}) nor an option");
            }
        }

        return new BenchOptions(measurements.Count == 0 ? [.. known] : measurements, quick, json, data);
    }

    private static string ValueOf(string[] arguments, ref int i) =>
        ++i < arguments.Length ? arguments[i] : throw new ArgumentException($"{arguments[i - 1]} needs a value");
}
