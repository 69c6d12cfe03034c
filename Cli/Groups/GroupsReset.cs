using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;

namespace Loire.Cli.Groups;

/// <summary><c>loire groups reset GROUP --to PLACE</c></summary>
internal static class GroupsReset
{
    private static readonly Argument<string> Group = new("group") { Description = "The group's id; it must have no members" };

    private static readonly Option<string[]> Topics = new("--topic", "-t")
    {
        Description = "A topic to reset; may repeat. Where not given, all that the group has committed",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<OffsetSpec> To = new("--to")
    {
        Description = "Where to: " + OffsetSpec.Help,
        CustomParser = OffsetSpec.Parse,
        Required = true,
    };

    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "Show what would be committed, and change nothing",
    };

    public static Command Create() =>
        new Command("reset", "Move a group's committed offsets") { Group, Topics, To, DryRun }.Runs(async context =>
        {
            var id = new GroupId(context.Get(Group));
            var committed = await context.Client.FetchCommittedAsync(id, context.Cancelled);
            var partitions = new List<TopicPartition>();
            foreach (var topic in context.Get(Topics)!)
                partitions.AddRange(await context.GetPartitionsAsync(new TopicName(topic)));
            if (partitions.Count == 0)
                partitions.AddRange(committed.Keys);
            if (partitions.Count == 0)
                throw new CliException(ExitCode.Refused, $"Group {id} has committed nothing; name the topics with --topic.");

            var target = await context.Get(To)!.ResolveAsync(context.Client, partitions, context.Cancelled);
            if (!context.Get(DryRun))
                await context.Client.CommitAsync(id, target, context.Cancelled);
            var rows = target
                .Select(entry => new Row(
                    entry.Key.Topic.Value,
                    entry.Key.Partition.Value,
                    committed.TryGetValue(entry.Key, out var before) ? before.Value : null,
                    entry.Value.Value))
                .OrderBy(row => row.Topic, StringComparer.Ordinal).ThenBy(row => row.Partition)
                .ToList();
            context.Output.Rows(
                rows,
                ("Topic", row => row.Topic),
                ("Partition", row => row.Partition),
                ("Before", row => row.Before),
                ("After", row => row.After));
        });

    private sealed record Row(string Topic, int Partition, long? Before, long After);
}
