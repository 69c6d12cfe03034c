using Loire.Broker.Ports;
using Loire.Cli.Shared;
using Loire.Log;

namespace Loire.Cli.Logs;

/// <summary>Walks a log in the background and prints what was found.</summary>
internal static class LogReportPrinter
{
    /// <param name="walk">Given what to tell of the bytes done and the bytes in all.</param>
    public static async Task<LogReport> RunAsync(CommandContext context, string title, Func<Action<long, long>, LogReport> walk)
    {
        LogReport? report = null;
        try
        {
            await context.Output.WithProgressAsync(title, 1, async done =>
            {
                var before = 0.0;
                report = await Task.Run(
                    () => walk((bytes, total) =>
                    {
                        var now = total == 0 ? 1 : (double)bytes / total;
                        done(now - before);
                        before = now;
                    }),
                    context.Cancelled);
            });
        }
        catch (LogStoreException exception)
        {
            throw new CliException(ExitCode.Refused, exception.Message);
        }
        return report!;
    }

    public static void Print(Output output, LogReport report)
    {
        if (output.IsJson)
        {
            output.Json(new
            {
                directory = report.Directory,
                isIntact = report.IsIntact,
                segments = report.Segments,
                partitions = report.Partitions,
                entries = report.Entries,
                batches = report.Batches,
                batchBytes = report.BatchBytes,
                damages = report.Damages,
                tornTail = report.TornTail,
                losses = report.Losses.Select(loss => new
                {
                    topic = loss.Partition.Topic.Value,
                    partition = loss.Partition.Partition.Value,
                    from = loss.From.Value,
                    until = loss.Until.Value,
                }),
            });
            return;
        }
        output.Writer.WriteLine(
            $"{report.Directory}: {report.Segments} segments, {report.Partitions} partitions, "
            + $"{report.Batches} batches of {report.BatchBytes} bytes.");
        if (report.TornTail is { } torn)
        {
            output.Writer.WriteLine(
                $"Torn tail of {torn.SizeBytes} bytes at address {torn.Address}: nothing acknowledged is in it; "
                + "the next start cuts it off.");
        }
        if (report.IsIntact)
        {
            output.Writer.WriteLine("Intact.");
            return;
        }
        output.Rows(
            report.Damages,
            ("File", damage => damage.File),
            ("Address", damage => damage.Address),
            ("In file", damage => damage.FileOffset),
            ("Bytes", damage => damage.SizeBytes),
            ("Damage", damage => damage.What));
        output.Rows(
            report.Losses, ("Lost from", loss => loss.Partition), ("Offset", loss => loss.From), ("Until", loss => loss.Until));
    }
}
