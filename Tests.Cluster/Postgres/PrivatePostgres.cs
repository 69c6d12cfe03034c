using System.Diagnostics;
using System.Globalization;
using Loire.Bench.Processes;

namespace Loire.Tests.Cluster.Postgres;

/// <summary>A PostgreSQL server of the tests' own, which can be stopped and started again.</summary>
public sealed class PrivatePostgres : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("loire-postgres-").FullName;
    private readonly string _port;

    private PrivatePostgres()
    {
        // Its own user, which PostgreSQL may ask for, has to get into the directory.
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_directory, (UnixFileMode)0b111_101_101);
        _port = LoopbackPort.Free().ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>As the silo's --cluster takes it.</summary>
    public string Address { get; private set; } = "";

    private string DataDirectory => Path.Combine(_directory, "postgres");

    /// <summary>That PostgreSQL is not installed; null where it is.</summary>
    public static string? WhyNot => Run(out var output, "find") ? null : output;

    /// <summary>Whether a server runs in a directory.</summary>
    public static bool Runs(string directory) => Run(out _, "address", directory);

    /// <returns>Null where PostgreSQL is not installed; <paramref name="reason"/> says how it is.</returns>
    public static PrivatePostgres? TryStart(out string reason)
    {
        var postgres = new PrivatePostgres();
        if (Run(out var output, "start", postgres.DataDirectory, postgres._port))
        {
            postgres.Address = output;
            reason = "";
            return postgres;
        }

        Directory.Delete(postgres._directory, recursive: true);
        reason = output.Contains("not installed", StringComparison.Ordinal) ? output : throw new InvalidOperationException(output);
        return null;
    }

    public void StartAgain() => Require("start", DataDirectory, _port);

    public void Stop() => Require("stop", DataDirectory);

    public void Dispose()
    {
        Run(out _, "stop", DataDirectory);
        Directory.Delete(_directory, recursive: true);
    }

    private static void Require(params string[] arguments)
    {
        if (!Run(out var output, arguments)) throw new InvalidOperationException(output);
    }

    private static bool Run(out string output, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "private-postgres"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        output = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        if (process.ExitCode != 0) output = errors.GetAwaiter().GetResult().Trim();
        return process.ExitCode == 0;
    }
}
