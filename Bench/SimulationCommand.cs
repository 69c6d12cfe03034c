using System.Globalization;
using Loire.Simulation;

namespace Loire.Bench;

/// <summary>Runs simulations of the replicated cluster, each from its seed.</summary>
public static class SimulationCommand
{
    public const string Help =
        "./bench sim [--seeds N] [--from SEED]      simulations of a failing cluster; a bad seed tells its story";

    /// <returns>0 where all invariants held, 1 where not, 2 for wrong arguments.</returns>
    public static int Run(string[] arguments, TextWriter output)
    {
        var seeds = 1_000;
        var from = 1;
        for (var i = 0; i < arguments.Length; i += 2)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            var isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            if (!isNumber || arguments[i] is not ("--seeds" or "--from"))
            {
                output.WriteLine($"'{arguments[i]} {value}' is not understood: {Help}");
                return 2;
            }

            if (arguments[i] == "--seeds") seeds = number;
            else from = number;
        }

        long events = 0;
        long acknowledged = 0;
        long refused = 0;
        long handedOver = 0;
        for (var seed = from; seed < from + seeds; seed++)
        {
            var result = ClusterSimulation.Run(seed);
            if (result.Violation is not null)
            {
                output.WriteLine(result);
                return 1;
            }

            events += result.EventCount;
            acknowledged += result.AcknowledgedCount;
            refused += result.FullDisks.RefusedCount;
            handedOver += result.FullDisks.HandedOverCount;
        }

        output.WriteLine(
            $"{seeds} seeds from {from}: every invariant held; {events} events, {acknowledged} batches acknowledged; "
            + $"for full disks {refused} batches refused, {handedOver} leaderships handed over");
        return 0;
    }
}
