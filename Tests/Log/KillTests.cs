using System.Diagnostics;
using System.Globalization;
using Loire.Bench;
using Loire.Log;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class KillTests
{
    [Fact]
    public async Task What_a_killed_process_acknowledged_is_there()
    {
        using var directory = new TemporaryDirectory();
        long[] acknowledged = new long[3];
        for (int round = 0; round < 3; round++)
        {
            using var victim = Process.Start(new ProcessStartInfo
            {
                FileName = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet",
                ArgumentList = { "exec", typeof(BenchOptions).Assembly.Location, "append-until-killed", directory.Path },
                RedirectStandardOutput = true,
                UseShellExecute = false,
            })!;
            int lines = 0;
            while (await victim.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            {
                string[] parts = line.Split(' ');
                int partition = int.Parse(parts[0], CultureInfo.InvariantCulture);
                acknowledged[partition] = long.Parse(parts[1], CultureInfo.InvariantCulture);
                // What it still says after the kill was acknowledged before.
                if (++lines == 200)
                    victim.Kill();
            }
            await victim.WaitForExitAsync(TestContext.Current.CancellationToken);
            lines.ShouldBeGreaterThanOrEqualTo(200, "the child must have run until it was killed");

            LogVerifier.Verify(directory.Path).Damages.ShouldBeEmpty();
            await using var store = LogStore.Open(directory.Options with { MaxBatchBytes = 1 << 16 });
            var logs = store.Partitions.OrderBy(partition => partition.Partition)
                .Select(partition => store.Open(partition, new RecordingObserver()))
                .ToArray();
            for (int p = 0; p < logs.Length; p++)
            {
                logs[p].LogEndOffset.Value.ShouldBeGreaterThanOrEqualTo(acknowledged[p], $"partition {p}, round {round}");
                logs[p].ReadAll().Length.ShouldBe((int)logs[p].LogEndOffset.Value * 10_000 * (p + 1));
            }
        }
    }
}
