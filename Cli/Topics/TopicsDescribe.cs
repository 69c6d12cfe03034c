using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;

namespace Loire.Cli.Topics;

/// <summary><c>loire topics describe TOPIC</c></summary>
internal static class TopicsDescribe
{
    private static readonly Argument<string> Topic = new("topic") { Description = "The topic's name" };

    public static Command Create() =>
        new Command("describe", "Show a topic's partitions, their leaders and offsets") { Topic }.Runs(async context =>
        {
            var name = new TopicName(context.Get(Topic));
            var metadata = await context.Client.GetMetadataAsync([name], allowAutoTopicCreation: false, context.Cancelled);
            var topic = metadata.Topics.Single();
            KafkaClientException.ThrowIfError(topic.ErrorCode, detail: null, $"Topic {name}");
            var offline = topic.Partitions.Where(partition => partition.LeaderId == NodeId.None).ToList();
            List<TopicPartition> asked = offline.Count == 0
                ? topic.Partitions.ConvertAll(partition => new TopicPartition(name, partition.PartitionIndex))
                : [];
            var starts = await context.Client.ListOffsetsAsync(asked, OffsetQueries.Earliest, context.Cancelled);
            var ends = await context.Client.ListOffsetsAsync(asked, OffsetQueries.Latest, context.Cancelled);
            var rows = topic.Partitions.ConvertAll(partition =>
            {
                var key = new TopicPartition(name, partition.PartitionIndex);
                return new Row(
                    partition.PartitionIndex.Value,
                    partition.LeaderId.Value,
                    partition.LeaderEpoch.Value,
                    [.. partition.ReplicaNodes.Select(node => node.Value)],
                    [.. partition.IsrNodes.Select(node => node.Value)],
                    starts.TryGetValue(key, out var start) ? start.Value : null,
                    ends.TryGetValue(key, out var end) ? end.Value : null);
            });
            if (offline.Count > 0)
            {
                context.Output.Note(
                    $"{offline.Count} of {rows.Count} partitions have no leader (-1), and offsets are not shown. "
                    + "A broker that is in sync has to start; or see: loire topics elect --help");
            }

            context.Output.Rows(
                rows,
                ("Partition", row => row.Partition),
                ("Leader", row => row.Leader),
                ("Epoch", row => row.LeaderEpoch),
                ("Replicas", row => string.Join(',', row.Replicas)),
                ("In sync", row => string.Join(',', row.InSyncReplicas)),
                ("Start", row => row.StartOffset),
                ("End", row => row.EndOffset));
        });

    private sealed record Row(
        int Partition, int Leader, int LeaderEpoch, int[] Replicas, int[] InSyncReplicas, long? StartOffset, long? EndOffset);
}
