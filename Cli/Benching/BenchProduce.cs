using System.CommandLine;
using System.Diagnostics;
using Loire.Cli.Records;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Records;

namespace Loire.Cli.Benching;

/// <summary><c>loire bench produce TOPIC</c></summary>
internal static class BenchProduce
{
    private static readonly Argument<string> Topic = new("topic") { Description = "The topic to fill" };

    private static readonly Option<long> Count = new Option<long>("--records", "-n")
    {
        Description = "How many records",
        DefaultValueFactory = _ => 1_000_000,
    }.AtLeast(0L);

    private static readonly Option<int> Size = new Option<int>("--size", "-s")
    {
        Description = "Bytes of a value",
        DefaultValueFactory = _ => 1024,
    }.AtLeast(0);

    private static readonly Option<int> BatchSize = new Option<int>("--batch")
    {
        Description = "Bytes of a batch",
        DefaultValueFactory = _ => 512 * 1024,
    }.AtLeast(1);

    private static readonly Option<int> InFlight = new Option<int>("--in-flight")
    {
        Description = "Batches under way per partition",
        DefaultValueFactory = _ => 5,
    }.AtLeast(1);

    public static Command Create() =>
        new Command("produce", "Write records as fast as they are taken")
        {
            Topic, Count, Size, BatchSize, InFlight,
            ProducerArguments.Codec, ProducerArguments.Acks, ProducerArguments.Idempotent, ProducerArguments.LingerMs,
        }.Runs(RunAsync);

    private static async Task RunAsync(CommandContext context)
    {
        var topic = new TopicName(context.Get(Topic));
        var options = ProducerArguments.Read(context) with { BatchSizeBytes = context.Get(BatchSize), InFlightMax = context.Get(InFlight) };
        if (options.IsIdempotent && options.InFlightMax > ProducerOptions.IdempotentInFlightMax)
        {
            throw new CliException(
                ExitCode.Usage, $"--in-flight above {ProducerOptions.IdempotentInFlightMax} needs --idempotent false.");
        }
        await using var producer = await Producer.CreateAsync(context.Client, options, context.Cancelled);
        var latencies = new LatencySample();
        var sent = 0L;
        Action<double> done = _ => { };
        producer.OnDelivery = report =>
        {
            latencies.Add(report.Elapsed);
            if (report.Failure is null)
                Interlocked.Add(ref sent, report.RecordsCount);
            done(report.RecordsCount);
        };
        // Half of a value compresses well, half does not: between the extremes, as real records are.
        var value = new byte[context.Get(Size)];
        Random.Shared.NextBytes(value.AsSpan(0, value.Length / 2));
        var partitions = (await context.Client.GetTopicAsync(topic, context.Cancelled, allowAutoTopicCreation: true)).Partitions.Count;

        var started = Stopwatch.GetTimestamp();
        await context.Output.WithProgressAsync("Producing", context.Get(Count), async report =>
        {
            done = report;
            for (var i = 0L; i < context.Get(Count); i++)
            {
                var now = context.Client.Options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds();
                var partition = new PartitionIndex((int)(i % partitions));
                await producer.AppendAsync(
                    topic, partition, key: null, value, ReadOnlyMemory<RecordHeader>.Empty, now, context.Cancelled);
            }
            await producer.FlushAsync(context.Cancelled);
        });
        var figures = new BenchFigures(sent, sent * value.Length, Stopwatch.GetElapsedTime(started).TotalSeconds)
        {
            LatencyP50Ms = latencies.PercentileMs(0.5),
            LatencyP99Ms = latencies.PercentileMs(0.99),
        };
        figures.Print(context.Output);
    }
}
