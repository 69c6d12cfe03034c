using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Partition = Loire.Protocol.Messages.MetadataResponse.MetadataResponsePartition;

namespace Loire.Cli.Topics;

/// <summary><c>loire topics elect TOPIC [--unclean]</c></summary>
internal static class TopicsElect
{
    private static readonly Argument<string> Topic = new("topic") { Description = "The topic's name" };

    private static readonly Option<int[]> Partitions = new("--partition", "-p")
    {
        Description = "A partition; may repeat. Where not given, all",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<bool> Unclean = new("--unclean")
    {
        Description = "Only partitions without a leader: any replica that is up may lead. Records that it lacks are lost",
    };

    private static readonly Option<bool> Yes = new("--yes")
    {
        Description = "With --unclean: do it; without this it is only shown who would lead",
    };

    public static Command Create() =>
        new Command("elect", "Let the preferred leaders lead, the first of each partition's replicas") { Topic, Partitions, Unclean, Yes }
            .Runs(async context =>
            {
                var topic = new TopicName(context.Get(Topic));
                var election = new LeaderElection(context, topic);
                var partitions = Find(topic, await election.ReadAsync(), context.Get(Partitions)!);
                var isUnclean = context.Get(Unclean);
                if (isUnclean) partitions = partitions.FindAll(partition => partition.LeaderId == NodeId.None);
                if (isUnclean && !context.Get(Yes))
                    ShowPlan(context.Output, partitions);
                else
                    await ElectAsync(context.Output, election, partitions, isUnclean);
                if (partitions.Count == 0) context.Output.Note($"Nothing to do: each of these partitions of {topic} has a leader.");
            });

    private static List<Partition> Find(TopicName topic, List<Partition> all, int[] asked)
    {
        if (asked.Length == 0) return all;
        return
        [
            .. asked.Distinct().Order().Select(index => all.Find(partition => partition.PartitionIndex.Value == index)
                ?? throw new CliException(ExitCode.Refused, $"Topic {topic} has {all.Count} partitions; there is no partition {index}.")),
        ];
    }

    private static void ShowPlan(Output output, List<Partition> offline)
    {
        output.Rows(
            offline.ConvertAll(partition => new Plan(
                partition.PartitionIndex.Value,
                Ids(partition.ReplicaNodes),
                Ids(partition.IsrNodes),
                partition.ReplicaNodes.Except(partition.OfflineReplicas).Select(node => (int?)node.Value).FirstOrDefault())),
            ("Partition", row => row.Partition),
            ("Replicas", row => string.Join(',', row.Replicas)),
            ("In sync", row => string.Join(',', row.InSyncReplicas)),
            ("Would lead", row => row.WouldLead is { } node ? node : "none is up"));
        if (offline.Count == 0) return;
        output.Note(
            "These partitions are offline: no replica that is in sync is up. Start those that can come back. An election loses for good "
            + "the records that only lost replicas have. Nothing is changed: repeat with --yes.");
    }

    private static async Task ElectAsync(Output output, LeaderElection election, List<Partition> partitions, bool isUnclean)
    {
        var results = await election.ElectAsync(partitions, isUnclean);
        var elected = partitions.FindAll(partition => results[partition.PartitionIndex].ErrorCode == ErrorCode.None);
        var now = (elected.Count == 0 ? partitions : await election.WaitAsync(elected))
            .ToDictionary(partition => partition.PartitionIndex, partition => partition.LeaderId);
        var rows = partitions.ConvertAll(partition => new Outcome(
            partition.PartitionIndex.Value,
            Id(partition.LeaderId),
            Id(now[partition.PartitionIndex]),
            results[partition.PartitionIndex].ErrorCode switch
            {
                ErrorCode.None => "elected",
                ErrorCode.ElectionNotNeeded => "not needed",
                _ => "failed",
            },
            Explain(partition, results[partition.PartitionIndex])));
        output.Rows(
            rows,
            ("Partition", row => row.Partition),
            ("Before", row => row.Before),
            ("Leader", row => row.Leader),
            ("Election", row => row.Election));
        var failures = rows.FindAll(row => row.Error is not null);
        if (failures.Count == 0) return;
        throw new CliException(
            ExitCode.Refused,
            $"{failures.Count} of {rows.Count} elections failed.\n  "
            + string.Join("\n  ", failures.Select(row => $"Partition {row.Partition}: {row.Error}")));
    }

    /// <returns>What keeps it from being elected a leader and what to do; null where nothing does.</returns>
    private static string? Explain(Partition partition, ElectLeadersResponse.PartitionResultEntry result)
    {
        var preferred = partition.ReplicaNodes[0];
        return result.ErrorCode switch
        {
            ErrorCode.None or ErrorCode.ElectionNotNeeded => null,
            ErrorCode.PreferredLeaderNotAvailable when partition.LeaderId == NodeId.None =>
                "it has no leader, as no replica that is in sync is up. "
                + (partition.IsrNodes.Count > 0 ? $"Start broker {AnyOf(partition.IsrNodes)}, or look" : "Look")
                + " at what --unclean would do.",
            ErrorCode.PreferredLeaderNotAvailable when partition.OfflineReplicas.Contains(preferred) =>
                $"its preferred leader, broker {preferred}, is not up. Start it, and repeat this when it is in sync.",
            ErrorCode.PreferredLeaderNotAvailable =>
                $"its preferred leader, broker {preferred}, is not in sync, or about to stop. Repeat this when it is in sync.",
            ErrorCode.EligibleLeadersNotAvailable =>
                $"none of its replicas is up. Start broker {AnyOf(partition.IsrNodes.Union(partition.ReplicaNodes))}.",
            _ => string.IsNullOrEmpty(result.ErrorMessage) ? result.ErrorCode.Explain() : result.ErrorMessage,
        };
    }

    private static string AnyOf(IEnumerable<NodeId> nodes) => string.Join(" or ", nodes);

    private static int? Id(NodeId node) => node == NodeId.None ? null : node.Value;

    private static int[] Ids(IEnumerable<NodeId> nodes) => [.. nodes.Select(node => node.Value)];

    private sealed record Plan(int Partition, int[] Replicas, int[] InSyncReplicas, int? WouldLead);

    private sealed record Outcome(int Partition, int? Before, int? Leader, string Election, string? Error);
}
