using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Partition = Loire.Protocol.Messages.MetadataResponse.MetadataResponsePartition;

namespace Loire.Cli.Topics;

/// <summary><c>loire topics describe [TOPIC...]</c></summary>
internal static class TopicsDescribe
{
    private static readonly Argument<string[]> Topics = new("topics")
    {
        Description = "The topics' names; where none is given, all, those included that brokers keep for themselves",
        Arity = ArgumentArity.ZeroOrMore,
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<bool> UnderReplicated = new("--under-replicated")
    {
        Description = "Only partitions of which a replica is out of sync",
    };

    private static readonly Option<bool> Offline = new("--offline") { Description = "Only partitions without a leader" };

    public static Command Create() =>
        new Command("describe", "Show topics' partitions, their leaders and offsets") { Topics, UnderReplicated, Offline }
            .Runs(async context =>
            {
                var named = context.Get(Topics).Distinct(StringComparer.Ordinal).Select(name => new TopicName(name)).ToList();
                var metadata = await context.Client.GetMetadataAsync(
                    named.Count == 0 ? null : named, allowAutoTopicCreation: false, context.Cancelled);
                foreach (var topic in metadata.Topics)
                    KafkaClientException.ThrowIfError(topic.ErrorCode, detail: null, $"Topic {topic.Name}");
                var all = metadata.Topics
                    .SelectMany(topic => topic.Partitions, (topic, partition) => (
                        Key: new TopicPartition(topic.Name!.Value, partition.PartitionIndex), Partition: partition))
                    .OrderBy(entry => entry.Key.Topic.Value, StringComparer.Ordinal).ThenBy(entry => entry.Key.Partition)
                    .ToList();
                var shown = all.FindAll(entry => IsWanted(context, entry.Partition));
                var offsets = await LogOffsets.ReadAsync(context, metadata, shown.Select(entry => entry.Key));
                var offline = all.Count(entry => IsOffline(entry.Partition));
                if (offline > 0)
                {
                    context.Output.Note(
                        $"{offline} of {all.Count} partitions have no leader (-1). A broker that is in sync has to start; or see: "
                        + "loire topics elect --help");
                }
                context.Output.Rows(
                    shown.ConvertAll(entry => Row.Of(entry.Key, entry.Partition, offsets)),
                    ("Topic", row => row.Topic),
                    ("Partition", row => row.Partition),
                    ("Leader", row => row.Leader),
                    ("Epoch", row => row.LeaderEpoch),
                    ("Replicas", row => string.Join(',', row.Replicas)),
                    ("In sync", row => string.Join(',', row.InSyncReplicas)),
                    ("Start", row => row.StartOffset),
                    ("End", row => row.EndOffset));
            });

    private static bool IsWanted(CommandContext context, Partition partition)
    {
        var (underReplicated, offline) = (context.Get(UnderReplicated), context.Get(Offline));
        return (!underReplicated && !offline)
            || (underReplicated && partition.IsrNodes.Count < partition.ReplicaNodes.Count)
            || (offline && IsOffline(partition));
    }

    private static bool IsOffline(Partition partition) => partition.LeaderId == NodeId.None;

    private sealed record Row(
        string Topic,
        int Partition,
        int Leader,
        int LeaderEpoch,
        int[] Replicas,
        int[] InSyncReplicas,
        long? StartOffset,
        long? EndOffset)
    {
        public static Row Of(TopicPartition key, Partition partition, LogOffsets offsets) => new(
            key.Topic.Value,
            key.Partition.Value,
            partition.LeaderId.Value,
            partition.LeaderEpoch.Value,
            [.. partition.ReplicaNodes.Select(node => node.Value)],
            [.. partition.IsrNodes.Select(node => node.Value)],
            offsets.StartOf(key)?.Value,
            offsets.EndOf(key)?.Value);
    }
}
