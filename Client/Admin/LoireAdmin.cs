using System.Collections.Immutable;
using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>Administration: topics, their settings, the cluster, groups. Refusals are <see cref="LoireException"/>s with
/// Kafka's error codes.</summary>
public sealed partial class LoireAdmin
{
    private readonly ClientContext _context;

    internal LoireAdmin(ClientContext context) => _context = context;

    public Task<ClusterDescription> DescribeClusterAsync(CancellationToken cancellationToken = default) =>
        RunAsync("Describing the cluster", () => _context.Grains.Cluster.DescribeAsync(), cancellationToken);

    /// <summary>Makes the cluster forget a broker that will not come back, with its settings. Should it come after all, it
    /// registers anew.</summary>
    /// <exception cref="LoireException">BROKER_ID_NOT_REGISTERED; POLICY_VIOLATION while it is up, or holds replicas: it gets no
    /// new ones then, and <see cref="ReassignPartitionAsync"/> moves those that it has; DUPLICATE_BROKER_REGISTRATION: it came
    /// back meanwhile.</exception>
    public Task UnregisterBrokerAsync(int nodeId, CancellationToken cancellationToken = default) =>
        RunAsync($"Unregistering broker {nodeId}", () => _context.Grains.Cluster.UnregisterBrokerAsync(nodeId), cancellationToken);

    /// <summary>The names of all topics, internal ones included.</summary>
    public Task<ImmutableArray<string>> ListTopicsAsync(CancellationToken cancellationToken = default) =>
        RunAsync("Listing the topics", () => _context.Grains.Cluster.ListTopicsAsync(), cancellationToken);

    /// <returns>Null where there is no such topic.</returns>
    public Task<TopicDescription?> DescribeTopicAsync(string topic, CancellationToken cancellationToken = default) =>
        _context.Topics.RefreshAsync(topic, cancellationToken);

    /// <param name="partitions">-1 for the brokers' default.</param>
    /// <param name="replicationFactor">-1 for the brokers' default.</param>
    /// <param name="configs">Kafka's topic settings by name.</param>
    /// <exception cref="LoireException">TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_CONFIG …</exception>
    public Task<TopicDescription> CreateTopicAsync(
        string topic,
        int partitions = -1,
        short replicationFactor = -1,
        IEnumerable<KeyValuePair<string, string>>? configs = null,
        CancellationToken cancellationToken = default)
    {
        var specification = new TopicSpecification(
            partitions, replicationFactor, configs?.ToImmutableDictionary() ?? ImmutableDictionary<string, string>.Empty);
        return RunAsync(
            $"Creating topic '{topic}'", () => _context.Grains.Topic(topic).CreateAsync(specification), cancellationToken);
    }

    /// <summary>As <see cref="CreateTopicAsync"/>, and content where the topic is there already, whatever its
    /// settings.</summary>
    public async Task CreateTopicIfMissingAsync(
        string topic,
        int partitions = -1,
        short replicationFactor = -1,
        IEnumerable<KeyValuePair<string, string>>? configs = null,
        CancellationToken cancellationToken = default)
    {
        if (await DescribeTopicAsync(topic, cancellationToken) is not null)
            return;
        try
        {
            await CreateTopicAsync(topic, partitions, replicationFactor, configs, cancellationToken);
        }
        catch (LoireException exception) when (exception.Error == (short)ErrorCode.TopicAlreadyExists)
        {
            // Somebody else was faster.
            await DescribeTopicAsync(topic, cancellationToken);
        }
    }

    public Task DeleteTopicAsync(string topic, CancellationToken cancellationToken = default) =>
        RunAsync($"Deleting topic '{topic}'", () => _context.Grains.Topic(topic).DeleteAsync(), cancellationToken);

    public Task<TopicDescription> AddPartitionsAsync(string topic, int totalCount, CancellationToken cancellationToken = default) =>
        RunAsync(
            $"Adding partitions to '{topic}'", () => _context.Grains.Topic(topic).AddPartitionsAsync(totalCount), cancellationToken);

    /// <summary>Sets (or, with a null value, removes) the named settings and leaves the others.</summary>
    public Task<TopicDescription> AlterTopicConfigsAsync(
        string topic, IEnumerable<KeyValuePair<string, string?>> changes, CancellationToken cancellationToken = default)
    {
        var immutable = changes.ToImmutableDictionary();
        return RunAsync(
            $"Changing the settings of '{topic}'", () => _context.Grains.Topic(topic).AlterConfigsAsync(immutable), cancellationToken);
    }

    /// <summary>Where a partition begins and ends.</summary>
    public Task<PartitionOffsets> GetOffsetsAsync(string topic, int partition, CancellationToken cancellationToken = default) =>
        PartitionQueries.GetOffsetsAsync(_context, topic, partition, cancellationToken);

    /// <returns>The offset of the first record of this time or later; -1 where there is none.</returns>
    public Task<long> FindOffsetAsync(
        string topic, int partition, DateTimeOffset time, CancellationToken cancellationToken = default) =>
        PartitionQueries.FindOffsetAsync(_context, topic, partition, time.ToUnixTimeMilliseconds(), cancellationToken);

    /// <summary>Makes the records before an offset unreadable, for good.</summary>
    /// <param name="before">-1 for all that is committed.</param>
    /// <returns>Where the partition begins now.</returns>
    /// <exception cref="LoireException">OFFSET_OUT_OF_RANGE beyond the high watermark; POLICY_VIOLATION where the topic's
    /// cleanup.policy does not contain delete.</exception>
    public Task<long> DeleteRecordsAsync(
        string topic, int partition, long before, CancellationToken cancellationToken = default) =>
        PartitionQueries.DeleteRecordsAsync(_context, topic, partition, before, cancellationToken);

    /// <summary>Has a partition led by its preferred replica, which is the first one. One that leads already is left
    /// alone.</summary>
    /// <param name="isUnclean">Only where no replica is in sync: one of the others leads with what it has, and acknowledged
    /// records are lost.</param>
    /// <exception cref="LoireException">PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE: no broker that could
    /// lead is up and in sync.</exception>
    public async Task<TopicDescription> ElectLeaderAsync(
        string topic, int partition, bool isUnclean = false, CancellationToken cancellationToken = default)
    {
        try
        {
            return await RunAsync(
                $"Electing a leader of {topic}-{partition}",
                () => _context.Grains.Topic(topic).ElectLeaderAsync(partition, isUnclean),
                cancellationToken);
        }
        catch (LoireException exception) when (exception.Error == (short)ErrorCode.ElectionNotNeeded)
        {
            return await DescribeTopicAsync(topic, cancellationToken) ?? throw Failures.UnknownTopic(topic);
        }
    }

    /// <summary>Begins to move a partition to other brokers: those that are added catch up first, then those leave that are not
    /// wanted any more. <see cref="DescribeTopicAsync"/> shows how far that is.</summary>
    /// <param name="replicas">Node ids, the preferred leader first.</param>
    /// <exception cref="LoireException">INVALID_REPLICA_ASSIGNMENT: a broker is not known or named twice.</exception>
    public Task<TopicDescription> ReassignPartitionAsync(
        string topic, int partition, IEnumerable<int> replicas, CancellationToken cancellationToken = default)
    {
        ImmutableArray<int> target = [.. replicas];
        return RunAsync(
            $"Reassigning {topic}-{partition}",
            () => _context.Grains.Topic(topic).ReassignAsync(partition, target),
            cancellationToken);
    }

    /// <summary>Leaves a partition with the replicas that it had before the reassignment under way.</summary>
    /// <exception cref="LoireException">NO_REASSIGNMENT_IN_PROGRESS.</exception>
    public Task<TopicDescription> CancelReassignmentAsync(
        string topic, int partition, CancellationToken cancellationToken = default) =>
        RunAsync(
            $"Cancelling the reassignment of {topic}-{partition}",
            () => _context.Grains.Topic(topic).ReassignAsync(partition, null),
            cancellationToken);

    private Task<T> RunAsync<T>(string what, Func<Task<T>> call, CancellationToken cancellationToken) =>
        Retry.RunAsync(_context, what, call, cancellationToken);

    private Task RunAsync(string what, Func<Task> call, CancellationToken cancellationToken) => RunAsync(
        what,
        async () =>
        {
            await call();
            return true;
        },
        cancellationToken);
}
