using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;

namespace Loire.Cli.Records;

/// <summary><c>loire consume TOPIC</c>. With a group it joins it, reads its share of the partitions from the committed
/// offsets on, commits what it has printed, and leaves at the end.</summary>
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
        Description = "Join this group: continue at its committed offsets, and commit; --from counts where it has none",
    };

    private static readonly Option<int[]> Partitions = new("--partition", "-p")
    {
        Description = "Only these partitions; may repeat",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<long?> Max =
        new Option<long?>("--max", "-n") { Description = "Stop after so many records" }.AtLeast(0L);

    private static readonly Option<bool> ExitAtEnd = new("--exit", "-e")
    {
        Description = "Stop at the end as it was at the start",
    };

    private static readonly Option<RecordFormat?> Format = new("--format")
    {
        Description = "What to print of a record: its value; its key, too, as -k does; or partition, offset, time and headers as well",
    };

    private static readonly Option<string?> KeySeparator = Separator.Option("Print the key, and this between key and value");

    public static Command Create() =>
        new Command(
            "consume",
            "Print records, byte for byte; with --json one JSON object per line, in which what is not UTF-8 is {\"base64\": \"...\"}")
        {
            Topic, From, Group, Partitions, Max, ExitAtEnd, Format, KeySeparator,
        }.Runs(RunAsync);

    private static async Task RunAsync(CommandContext context)
    {
        var separator = context.Get(KeySeparator);
        var format = context.Get(Format) ?? (separator is null ? RecordFormat.Value : RecordFormat.KeyValue);
        var printer = new RecordPrinter(context.Output, format, separator ?? Separator.Tab);
        var reading = new Reading(context, printer, context.Get(Max) ?? long.MaxValue);
        try
        {
            if (context.Get(Group) is { } group)
                await ReadInGroupAsync(context, reading, new GroupId(group));
            else
                await ReadAloneAsync(context, reading);
        }
        catch (OperationCanceledException) when (context.Cancelled.IsCancellationRequested)
        {
            context.Output.Note("Interrupted.");
        }
    }

    private static async Task ReadAloneAsync(CommandContext context, Reading reading)
    {
        var partitions = await context.GetPartitionsAsync(new TopicName(context.Get(Topic)), context.Get(Partitions)!);
        var positions = await context.Get(From)!.ResolveAsync(context.Client, partitions, context.Cancelled);
        await reading.RunAsync(positions, await EndsAsync(context, partitions), commit: null, context.Cancelled);
    }

    /// <summary>Reads what the group gives, until enough is printed; what is printed is committed before the group gives it
    /// to another member.</summary>
    private static async Task ReadInGroupAsync(CommandContext context, Reading reading, GroupId group)
    {
        if (context.Get(Partitions)!.Length > 0)
            throw new CliException(ExitCode.Usage, "--partition does not go with --group: the group shares out the partitions.");
        var topic = new TopicName(context.Get(Topic));
        await context.GetPartitionsAsync(topic);
        // Requests of one connection wait for each other, and a join waits for all members: it has a connection of its own.
        await using var client = new KafkaClient(
            context.Client.Options with { RequestTimeout = context.Timeout + GroupMember.RebalanceTimeoutMax });
        await using var member = new GroupMember(client, group, [topic], new GroupMemberOptions());
        while (true)
        {
            var partitions = await member.JoinAsync(context.Cancelled);
            context.Output.Note($"Reading {(partitions.Count == 0 ? "no partition" : string.Join(", ", partitions))}.");
            var positions = await PositionsAsync(context, group, partitions);
            var ends = await EndsAsync(context, partitions);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.Cancelled, member.Rebalance);
            try
            {
                // A commit is finished even where the user interrupts: what is printed is printed.
                await reading.RunAsync(positions, ends, () => member.CommitAsync(positions, CancellationToken.None), stop.Token);
                return;
            }
            catch (OperationCanceledException) when (!context.Cancelled.IsCancellationRequested)
            {
                context.Output.Note("The group shares out its partitions anew.");
            }
        }
    }

    /// <summary>Where the group stopped; --from where it has committed nothing, or what is not in the log any more.</summary>
    private static async Task<Dictionary<TopicPartition, Offset>> PositionsAsync(
        CommandContext context, GroupId group, IReadOnlyList<TopicPartition> partitions)
    {
        var positions = await context.Get(From)!.ResolveAsync(context.Client, partitions, context.Cancelled);
        var committed = await context.Client.FetchCommittedAsync(group, context.Cancelled);
        var known = partitions.Where(committed.ContainsKey).ToList();
        var starts = await context.Client.ListOffsetsAsync(known, OffsetQueries.Earliest, context.Cancelled);
        var ends = await context.Client.ListOffsetsAsync(known, OffsetQueries.Latest, context.Cancelled);
        foreach (var partition in known)
        {
            var offset = committed[partition];
            if (offset >= starts[partition] && offset <= ends[partition])
            {
                positions[partition] = offset;
                continue;
            }
            context.Output.Warn(
                $"{partition}: the committed offset {offset} lies outside the log, which reaches from {starts[partition]} to "
                + $"{ends[partition]}; reading starts at {positions[partition]}, by --from {context.Get(From)}.");
        }
        return positions;
    }

    /// <returns>Null where reading goes on for ever.</returns>
    private static async Task<Dictionary<TopicPartition, Offset>?> EndsAsync(
        CommandContext context, IEnumerable<TopicPartition> partitions) => context.Get(ExitAtEnd)
            ? await context.Client.ListOffsetsAsync(partitions, OffsetQueries.Latest, context.Cancelled)
            : null;
}
