using System.CommandLine;
using System.Globalization;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;

namespace Loire.Cli.Groups;

/// <summary><c>loire groups reset GROUP --to PLACE | --shift-by N [--yes]</c></summary>
internal static class GroupsReset
{
    private static readonly Argument<string> Group = new("group") { Description = "The group's id; it must have no members" };

    private static readonly Option<string[]> Topics = new("--topic", "-t")
    {
        Description = "A topic to reset, or only some of its partitions as TOPIC:0,1; may repeat. Where not given, all that the group "
            + "has committed",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<OffsetSpec?> To = new("--to")
    {
        Description = "Where to: " + OffsetSpec.Help,
        CustomParser = OffsetSpec.Parse,
    };

    private static readonly Option<long?> ShiftBy = new("--shift-by")
    {
        Description = "By how many offsets: on, or back where it is negative",
    };

    private static readonly Option<bool> Yes = new("--yes") { Description = "Do it; without this it is only shown" };

    public static Command Create() =>
        new Command("reset", "Move a group's committed offsets") { Group, Topics, To, ShiftBy, Yes }.Runs(async context =>
        {
            if ((context.Get(To) is null) == (context.Get(ShiftBy) is null))
                throw new CliException(ExitCode.Usage, "Give one of --to and --shift-by.");
            var id = new GroupId(context.Get(Group));
            var committed = await context.Client.FetchCommittedAsync(id, context.Cancelled);
            var partitions = await ChooseAsync(context, committed);
            if (partitions.Count == 0)
                throw new CliException(ExitCode.Refused, $"Group {id} has committed nothing; name the topics with --topic.");
            var wanted = context.Get(ShiftBy) is { } shift
                ? Shift(id, committed, partitions, shift)
                : await context.Get(To)!.ResolveAsync(context.Client, partitions, context.Cancelled);
            var target = await ClampAsync(context, wanted);
            context.Output.Rows(
                target
                    .Select(entry => new Row(
                        entry.Key.Topic.Value,
                        entry.Key.Partition.Value,
                        committed.TryGetValue(entry.Key, out var before) ? before.Value : null,
                        entry.Value.Value))
                    .OrderBy(row => row.Topic, StringComparer.Ordinal).ThenBy(row => row.Partition)
                    .ToList(),
                ("Topic", row => row.Topic),
                ("Partition", row => row.Partition),
                ("Before", row => row.Before),
                ("After", row => row.After));
            if (context.Get(Yes))
                await context.Client.CommitAsync(id, target, context.Cancelled);
            else
                context.Output.Note("Nothing is changed: repeat with --yes.");
        });

    private static async Task<List<TopicPartition>> ChooseAsync(
        CommandContext context, Dictionary<TopicPartition, Offset> committed)
    {
        if (context.Get(Topics) is not { Length: > 0 } chosen)
            return [.. committed.Keys];
        var partitions = new List<TopicPartition>();
        foreach (var choice in chosen)
        {
            var colon = choice.IndexOf(':', StringComparison.Ordinal);
            var topic = new TopicName(colon < 0 ? choice : choice[..colon]);
            partitions.AddRange(await context.GetPartitionsAsync(topic, colon < 0 ? [] : Indexes(choice, choice[(colon + 1)..])));
        }
        return [.. partitions.Distinct()];
    }

    private static List<int> Indexes(string choice, string list) =>
    [
        .. list.Split(',').Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index
            : throw new CliException(ExitCode.Usage, $"'{choice}' is no choice of partitions; write TOPIC:0,1.")),
    ];

    private static Dictionary<TopicPartition, Offset> Shift(
        GroupId id, Dictionary<TopicPartition, Offset> committed, List<TopicPartition> partitions, long by)
    {
        var without = partitions.FindAll(partition => !committed.ContainsKey(partition));
        if (without.Count > 0)
        {
            throw new CliException(
                ExitCode.Refused,
                $"Group {id} has committed nothing for {string.Join(", ", without)}, hence nothing to shift: leave that out, or give "
                + "--to.");
        }
        return partitions.ToDictionary(partition => partition, partition => committed[partition] + by);
    }

    /// <summary>An offset outside the log would be one that no consumer of the group can read from.</summary>
    private static async Task<Dictionary<TopicPartition, Offset>> ClampAsync(
        CommandContext context, Dictionary<TopicPartition, Offset> wanted)
    {
        var starts = await context.Client.ListOffsetsAsync(wanted.Keys, OffsetQueries.Earliest, context.Cancelled);
        var ends = await context.Client.ListOffsetsAsync(wanted.Keys, OffsetQueries.Latest, context.Cancelled);
        var clamped = new Dictionary<TopicPartition, Offset>();
        foreach (var (partition, offset) in wanted)
        {
            var (start, end) = (starts[partition], ends[partition]);
            clamped[partition] = Offset.Min(Offset.Max(offset, start), end);
            if (clamped[partition] != offset)
            {
                context.Output.Warn(
                    $"{partition}: {offset} lies outside the log, which reaches from {start} to {end}; {clamped[partition]} is taken.");
            }
        }
        return clamped;
    }

    private sealed record Row(string Topic, int Partition, long? Before, long After);
}
