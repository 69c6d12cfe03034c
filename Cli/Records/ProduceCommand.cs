using System.CommandLine;
using System.Diagnostics;
using System.Text;
using Loire.Cli.Configs;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Records;

namespace Loire.Cli.Records;

/// <summary><c>loire produce TOPIC</c>: every line of the input is a record.</summary>
internal static class ProduceCommand
{
    private static readonly Argument<string> Topic = new("topic") { Description = "The topic to write to" };

    private static readonly Option<FileInfo?> InputFile = new("--file", "-f")
    {
        Description = "Read lines from here, not from the standard input",
    };

    private static readonly Option<string?> KeySeparator =
        Separator.Option("What lies between key and value; without it records have no key");

    private static readonly Option<bool> EmptyIsNull = new("--empty-is-null")
    {
        Description = "An empty value is none: a tombstone",
    };

    private static readonly Option<string[]> Headers = Assignments.Option("--header", "-H", "NAME=VALUE for every record; may repeat");

    private static readonly Option<int?> Partition = new("--partition", "-p")
    {
        Description = "The partition; where not given, the key's hash decides",
    };

    private static readonly Option<bool> KeepGoing = new("--keep-going")
    {
        Description = "Read on when records are not taken; each failure is told, and the exit code is not 0",
    };

    public static Command Create() =>
        new Command("produce", "Write records, one per line of input")
        {
            Topic, InputFile, KeySeparator, EmptyIsNull, Headers, Partition, KeepGoing,
            ProducerArguments.Codec, ProducerArguments.Acks, ProducerArguments.Idempotent, ProducerArguments.LingerMs,
        }.Runs(RunAsync);

    private static async Task RunAsync(CommandContext context)
    {
        var topic = new TopicName(context.Get(Topic));
        PartitionIndex? partition = context.Get(Partition) is { } index ? new PartitionIndex(index) : null;
        var format = new LineFormat(context.Get(KeySeparator), context.Get(EmptyIsNull));
        RecordHeader[] headers =
        [
            .. Assignments.Split(context.Get(Headers)).Select(pair => new RecordHeader(pair.Name, Encoding.UTF8.GetBytes(pair.Value))),
        ];
        await CheckPartitionAsync(context, topic, partition);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.Cancelled);
        var deliveries = new Deliveries(context.Output, context.Get(KeepGoing) ? null : stop);
        await using var producer = await Producer.CreateAsync(context.Client, ProducerArguments.Read(context), context.Cancelled);
        producer.OnDelivery = deliveries.Add;

        var started = Stopwatch.GetTimestamp();
        var file = context.Get(InputFile);
        await using var input = file is null ? Console.OpenStandardInput() : file.OpenRead();
        await using var lines = new LineReader(input);
        await context.Output.WithProgressAsync("Producing", file?.Length, async done =>
        {
            try
            {
                while (await lines.ReadAsync(stop.Token) is { } line)
                {
                    var (key, value) = format.Split(line);
                    var now = context.Client.Options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds();
                    await producer.AppendAsync(topic, partition, key, value, headers, now, stop.Token);
                    done(line.Length + 1);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // After a failure or an interruption, what was read comes to its end below.
            }
            await SettleAsync(producer);
        });
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (context.Output.IsJson)
            context.Output.Json(new { topic = topic.Value, records = deliveries.Delivered, lost = deliveries.Lost, seconds });
        else
            context.Output.Note($"{deliveries.Delivered} records to {topic} in {seconds:0.00} s.");
        deliveries.ThrowIfLost(context.Get(KeepGoing) ? "" : " No more was read; --keep-going reads on.");
    }

    /// <summary>Else the producer would wait for the partition until its records' time is over.</summary>
    private static async Task CheckPartitionAsync(CommandContext context, TopicName topic, PartitionIndex? partition)
    {
        if (partition is not { } index)
            return;
        await context.Client.GetTopicAsync(topic, context.Cancelled, allowAutoTopicCreation: true);
        await context.GetPartitionsAsync(topic, [index.Value]);
    }

    private static async Task SettleAsync(Producer producer)
    {
        try
        {
            await producer.FlushAsync(CancellationToken.None);
        }
        catch (KafkaClientException)
        {
            // Every batch that failed has been told of.
        }
    }
}
