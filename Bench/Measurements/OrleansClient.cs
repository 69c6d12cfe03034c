using System.Diagnostics;
using System.Text.Json;
using Loire.Bench.Processes;

namespace Loire.Bench.Measurements;

/// <summary>The Orleans client, measured by a program of its own: this one is built without Orleans.</summary>
public static class OrleansClient
{
    private const string Seconds = "8";
    private const string QuickSeconds = "2";

    public static async Task RunAsync(BenchRun run)
    {
        run.Report.Begin("Orleans client: one silo, broker and clients in one process, acks=all, 16 partitions, records of 1 KB");
        var program = ServerProcess.BuiltFile("Bench.Client", "Loire.Bench.Client");
        if (!File.Exists(program))
        {
            run.Report.Note("not measured: it is not built, for Orleans' packages could not be restored");
            return;
        }

        var data = Directory.CreateDirectory(Path.Combine(run.Options.DataDirectory, $"loire-bench-{Path.GetRandomFileName()}"));
        try
        {
            var start = new ProcessStartInfo(program, [data.FullName, run.Options.Quick ? QuickSeconds : Seconds])
            {
                RedirectStandardOutput = true,
            };
            using var process = Process.Start(start)!;
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                var figure = JsonSerializer.Deserialize<Line>(line, JsonSerializerOptions.Web)!;
                run.Report.Add(figure.Name, figure.Value, figure.Unit);
            }

            await process.WaitForExitAsync();
            if (process.ExitCode != 0) throw new InvalidOperationException($"{program} ended with exit code {process.ExitCode}");
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    private sealed record Line(string Name, double Value, string Unit);
}
