using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;

namespace Loire.Cli.Records;

/// <summary><c>loire consume TOPIC</c>. With a group it continues where the group's committed offsets say and commits
/// what it has printed; it does not join the group, so the group must have no members.</summary>
internal static class ConsumeCommand
{
    private static readonly Argument<string> Topic = new("topic") { Description = "The topic to read" };

    private static readonly Option<OffsetSpec> From = new("--from", "-o")
    {
        Description = "Where to start: " + OffsetSpec.Help,
        CustomParser = OffsetSpec.Parse,
        DefaultValueFactory = _ => OffsetSpec.End,
    };

    private static readonly Option<string?> Group = new("--group", "-g")
    {
        Description = "Continue at this group's committed offsets, and commit; --from counts where it has none",
    };

    private static readonly Option<int[]> Partitions = new("--partition", "-p")
    {
        Description = "Only these partitions; may repeat",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<long> Max = new("--max", "-n")
    {
        Description = "Stop after so many records",
        DefaultValueFactory = _ => long.MaxValue,
    };

    private static readonly Option<bool> ExitAtEnd = new("--exit", "-e")
    {
        Description = "Stop at the end as it was at the start",
    };

    private static readonly Option<RecordFormat> Format = new("--format")
    {
        Description = "What to print of a record",
        DefaultValueFactory = _ => RecordFormat.Value,
    };

    private static readonly Option<string> KeySeparator = new("--key-separator", "-k")
    {
        Description = "What to print between key and value",
        DefaultValueFactory = _ => "\t",
    };

    public static Command Create() =>
        new Command("consume", "Print records; with --json one JSON object per line")
        {
            Topic, From, Group, Partitions, Max, ExitAtEnd, Format, KeySeparator,
        }.Runs(RunAsync);

    private static async Task RunAsync(CommandContext context)
    {
        var partitions = await ChoosePartitionsAsync(context);
        var group = context.Get(Group) is { } name ? new GroupId(name) : (GroupId?)null;
        var positions = await StartAsync(context, partitions, group);
        var ends = context.Get(ExitAtEnd)
            ? await context.Client.ListOffsetsAsync(partitions, OffsetQueries.Latest, context.Cancelled)
            : null;
        var fetcher = new Fetcher(context.Client, new FetcherOptions());
        foreach (var (partition, position) in positions)
            fetcher.Assign(partition, position);

        var printer = new RecordPrinter(context.Output, context.Get(Format), context.Get(KeySeparator)!);
        var left = context.Get(Max);
        try
        {
            while (left > 0 && !IsAtEnd(positions, ends))
            {
                using var result = await fetcher.FetchAsync(context.Cancelled);
                foreach (var fetched in result.Partitions)
                    Print(fetched, printer, positions, ends, ref left);
                // What no record lies in (markers, compacted batches) is passed as well.
                if (left > 0)
                    Advance(positions, fetcher, ends);
                await context.Output.Writer.FlushAsync(context.Cancelled);
                if (group is { } id && result.Partitions.Any(fetched => !fetched.Batches.IsEmpty))
                    await context.Client.CommitAsync(id, positions, context.Cancelled);
            }
        }
        catch (OperationCanceledException) when (context.Cancelled.IsCancellationRequested)
        {
            context.Output.Note("Interrupted.");
        }
    }

    private static void Print(
        FetchedPartition fetched,
        RecordPrinter printer,
        Dictionary<TopicPartition, Offset> positions,
        Dictionary<TopicPartition, Offset>? ends,
        ref long left)
    {
        var remaining = left;
        var position = positions[fetched.Partition];
        var end = ends?[fetched.Partition];
        fetched.Read((in record) =>
        {
            if (remaining == 0 || record.Offset < position || (end is { } last && record.Offset >= last))
                return;
            printer.Print(fetched.Partition, record);
            position = record.Offset + 1;
            remaining--;
        });
        positions[fetched.Partition] = position;
        left = remaining;
    }

    private static void Advance(
        Dictionary<TopicPartition, Offset> positions, Fetcher fetcher, Dictionary<TopicPartition, Offset>? ends)
    {
        foreach (var (partition, position) in fetcher.Positions)
            positions[partition] = ends is null ? position : Offset.Min(position, Offset.Max(ends[partition], positions[partition]));
    }

    private static bool IsAtEnd(Dictionary<TopicPartition, Offset> positions, Dictionary<TopicPartition, Offset>? ends) =>
        ends is not null && positions.All(entry => entry.Value >= ends[entry.Key]);

    private static async Task<List<TopicPartition>> ChoosePartitionsAsync(CommandContext context)
    {
        var all = await context.GetPartitionsAsync(new TopicName(context.Get(Topic)));
        var wanted = context.Get(Partitions)!;
        foreach (var index in wanted.Where(index => !all.Exists(partition => partition.Partition.Value == index)))
        {
            throw new CliException(
                ExitCode.Refused, $"Topic {context.Get(Topic)} has {all.Count} partitions; there is no partition {index}.");
        }
        return wanted.Length == 0 ? all : all.FindAll(partition => wanted.Contains(partition.Partition.Value));
    }

    private static async Task<Dictionary<TopicPartition, Offset>> StartAsync(
        CommandContext context, List<TopicPartition> partitions, GroupId? group)
    {
        var positions = await context.Get(From)!.ResolveAsync(context.Client, partitions, context.Cancelled);
        if (group is { } id)
        {
            var committed = await context.Client.FetchCommittedAsync(id, context.Cancelled);
            foreach (var partition in partitions.Where(committed.ContainsKey))
                positions[partition] = committed[partition];
        }
        return positions;
    }
}
