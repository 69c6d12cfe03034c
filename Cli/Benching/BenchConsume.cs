using System.CommandLine;
using System.Diagnostics;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;

namespace Loire.Cli.Benching;

/// <summary><c>loire bench consume TOPIC</c></summary>
internal static class BenchConsume
{
    private static readonly Argument<string> Topic = new("topic") { Description = "The topic to read from its start" };

    private static readonly Option<long> Count = new Option<long>("--records", "-n")
    {
        Description = "Stop after about so many records; where not given, at the end",
        DefaultValueFactory = _ => long.MaxValue,
    }.AtLeast(0L);

    public static Command Create() => new Command("consume", "Read records as fast as they come") { Topic, Count }.Runs(RunAsync);

    private static async Task RunAsync(CommandContext context)
    {
        var partitions = await context.GetPartitionsAsync(new TopicName(context.Get(Topic)));
        var starts = await context.Client.ListOffsetsAsync(partitions, OffsetQueries.Earliest, context.Cancelled);
        var ends = await context.Client.ListOffsetsAsync(partitions, OffsetQueries.Latest, context.Cancelled);
        var fetcher = new Fetcher(context.Client, new FetcherOptions());
        foreach (var (partition, start) in starts)
            fetcher.Assign(partition, start);
        var wanted = Math.Min(context.Get(Count), partitions.Sum(partition => ends[partition] - starts[partition]));

        var records = 0L;
        var bytes = 0L;
        var started = Stopwatch.GetTimestamp();
        await context.Output.WithProgressAsync("Consuming", wanted, async done =>
        {
            // The next fetch is under way while this one's records are read.
            var next = fetcher.FetchAsync(context.Cancelled);
            while (records < wanted)
            {
                using var result = await next;
                var atEnd = fetcher.Positions.All(entry => entry.Value >= ends[entry.Key]);
                if (!atEnd)
                    next = fetcher.FetchAsync(context.Cancelled);
                var before = records;
                foreach (var fetched in result.Partitions)
                {
                    fetched.Read((in record) =>
                    {
                        records++;
                        bytes += record.Key.Length + record.Value.Length;
                    });
                }
                done(records - before);
                if (atEnd)
                    return;
            }
        });
        new BenchFigures(records, bytes, Stopwatch.GetElapsedTime(started).TotalSeconds).Print(context.Output);
    }
}
