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

    public static Command Create() =>
        new Command("produce", "Write records, one per line of input")
        {
            Topic, InputFile, KeySeparator, EmptyIsNull, Headers, Partition,
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
        await using var producer = await Producer.CreateAsync(context.Client, ProducerArguments.Read(context), context.Cancelled);
        var delivered = 0L;
        producer.OnDelivery = report => Interlocked.Add(ref delivered, report.Failure is null ? report.RecordsCount : 0);

        var started = Stopwatch.GetTimestamp();
        var file = context.Get(InputFile);
        await using var input = file is null ? Console.OpenStandardInput() : file.OpenRead();
        await using var lines = new LineReader(input);
        await context.Output.WithProgressAsync("Producing", file?.Length ?? double.MaxValue, async done =>
        {
            while (await lines.ReadAsync(context.Cancelled) is { } line)
            {
                var (key, value) = format.Split(line);
                var now = context.Client.Options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds();
                await producer.AppendAsync(topic, partition, key, value, headers, now, context.Cancelled);
                done(line.Length + 1);
            }
            await producer.FlushAsync(context.Cancelled);
        });
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (context.Output.IsJson)
            context.Output.Json(new { topic = topic.Value, records = delivered, seconds });
        else
            context.Output.Note($"{delivered} records to {topic} in {seconds:0.00} s.");
    }
}
