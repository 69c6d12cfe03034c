using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Brokers;

/// <summary>The brokers of a cluster, and which replicas each should hold.</summary>
/// <param name="Brokers">By id: those that are up, those that are known to be down, and those that are only named as
/// holders of replicas.</param>
internal sealed record ClusterMap(IReadOnlyList<MappedBroker> Brokers, IReadOnlyList<MappedPartition> Partitions)
{
    public static async Task<ClusterMap> ReadAsync(CommandContext context)
    {
        var cluster = await context.Client.SendToAnyAsync<DescribeClusterRequest, DescribeClusterResponse>(
            new DescribeClusterRequest { IncludeFencedBrokers = true }, context.Cancelled);
        KafkaClientException.ThrowIfError(cluster.ErrorCode, cluster.ErrorMessage, "The cluster");
        var metadata = await context.Client.GetMetadataAsync(topics: null, allowAutoTopicCreation: false, context.Cancelled);
        var moves = await ReassignmentProgress.ReadAsync(context);
        List<MappedPartition> partitions =
        [
            .. metadata.Topics.SelectMany(topic => topic.Partitions.Select(partition => new MappedPartition(
                new TopicPartition(topic.Name!.Value, partition.PartitionIndex),
                partition.LeaderId,
                Target(partition.ReplicaNodes, moves.GetValueOrDefault(new(topic.Name!.Value, partition.PartitionIndex))),
                partition.IsrNodes))),
        ];
        var described = cluster.Brokers.ToDictionary(
            broker => broker.BrokerId,
            broker => new MappedBroker(broker.BrokerId, $"{broker.Host}:{broker.Port}", broker.Rack, !broker.IsFenced));
        var named = partitions.SelectMany(partition => partition.Replicas).Distinct();
        foreach (var id in named) described.TryAdd(id, new MappedBroker(id, Address: null, Rack: null, IsLive: false));
        return new ClusterMap([.. described.Values.OrderBy(broker => broker.Id.Value)], partitions);
    }

    public MappedBroker? Find(int id) => Brokers.FirstOrDefault(broker => broker.Id.Value == id);

    /// <summary>Those that a reassignment under way ends with.</summary>
    private static List<NodeId> Target(
        IEnumerable<NodeId> replicas, ListPartitionReassignmentsResponse.OngoingPartitionReassignment? move) =>
        [.. replicas.Where(node => move?.RemovingReplicas.Contains(node) != true)];
}

/// <param name="Address">Null where nobody knows it any more.</param>
internal sealed record MappedBroker(NodeId Id, string? Address, string? Rack, bool IsLive);

/// <param name="Replicas">The preferred leader first; without those that are about to leave.</param>
internal sealed record MappedPartition(
    TopicPartition Partition, NodeId Leader, IReadOnlyList<NodeId> Replicas, IReadOnlyList<NodeId> InSync);
