using System.Collections.Concurrent;
using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Embedded.Engine;

/// <summary>All partitions of a broker that is alone: it leads every one of them. Lookups take no lock.
/// <para>The leader epoch is the catalog's and no restart raises it: consumers see only what is durable, so a restart,
/// even after a crash, never takes back a record that anybody has read.</para></summary>
public sealed partial class SingleNodePartitions(
    ILogStore store, NodeId self, TimeProvider time, ILogger<SingleNodePartitions> logger) : IPartitionDirectory, IPartitionHost
{
    private readonly ConcurrentDictionary<TopicName, TopicReplicas> _byName = new();
    private readonly ConcurrentDictionary<TopicId, TopicReplicas> _byId = new();

    /// <summary>Every replica there is at this moment.</summary>
    public IEnumerable<PartitionReplica> Replicas => _byId.SelectMany(topic => topic.Value.Replicas);

    public LogStoreException? Failure => store.Failure;

    public PartitionLookup Find(TopicName topic, PartitionIndex partition) =>
        _byName.TryGetValue(topic, out var replicas) ? Find(replicas, partition) : Unknown(ErrorCode.UnknownTopicOrPartition);

    public PartitionLookup Find(TopicId topic, PartitionIndex partition) =>
        _byId.TryGetValue(topic, out var replicas) ? Find(replicas, partition) : Unknown(ErrorCode.UnknownTopicId);

    /// <exception cref="LogStoreException">A log cannot be opened.</exception>
    public void Apply(TopicMetadata topic)
    {
        var known = _byId.GetValueOrDefault(topic.Id);
        var replicas = ImmutableArray.CreateBuilder<PartitionReplica>(topic.Partitions.Length);
        if (known is not null) replicas.AddRange(known.Replicas);
        foreach (var replica in replicas) replica.Configure(topic.Config);
        for (var index = replicas.Count; index < topic.Partitions.Length; index++)
        {
            replicas.Add(Open(topic, topic.Partitions[index]));
        }

        var now = new TopicReplicas(replicas.ToImmutable());
        _byId[topic.Id] = now;
        _byName[topic.Name] = now;
    }

    public void Remove(TopicMetadata topic)
    {
        if (!_byId.TryRemove(topic.Id, out var replicas)) return;

        // A topic of the same name may already have taken its place.
        _byName.TryRemove(KeyValuePair.Create(topic.Name, replicas));
        foreach (var replica in replicas.Replicas)
        {
            replica.Close(ErrorCode.UnknownTopicOrPartition);
            DeleteLog(replica.Partition);
        }
    }

    /// <summary>Removes logs that no topic owns, left when the broker stopped between the deletion of a topic and that of
    /// its logs. To be called once the catalog has applied all its topics.</summary>
    public void RemoveStrays()
    {
        foreach (var partition in store.Partitions)
        {
            if (_byId.TryGetValue(partition.TopicId, out var topic) && topic.Has(partition.Partition)) continue;
            LogStray(logger, partition, partition.TopicId);
            DeleteLog(partition);
        }
    }

    private void DeleteLog(TopicIdPartition partition)
    {
        try
        {
            store.Delete(partition);
        }
        catch (LogStoreException failure)
        {
            LogKept(logger, partition, failure.Message);
        }
    }

    private PartitionReplica Open(TopicMetadata topic, PartitionMetadata partition)
    {
        var replica = new PartitionReplica(
            store, new TopicIdPartition(topic.Id, topic.Name, partition.Index), topic.Config, self, time);
        replica.Apply(PartitionState.Sole(self, partition.LeaderEpoch));
        return replica;
    }

    private PartitionLookup Find(TopicReplicas topic, PartitionIndex partition)
    {
        if (!topic.Has(partition)) return Unknown(ErrorCode.UnknownTopicOrPartition);
        var replica = topic.Replicas[partition.Value];
        var error = replica.Availability;
        return new PartitionLookup(error, error == ErrorCode.None ? replica : null, self, replica.LeaderEpoch);
    }

    private static PartitionLookup Unknown(ErrorCode error) => new(error, null, NodeId.None, LeaderEpoch.None);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Removing the log of {Partition}: no topic has the id {TopicId}")]
    private static partial void LogStray(ILogger logger, TopicIdPartition partition, TopicId topicId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The log of {Partition} is kept until the next start: {Reason}")]
    private static partial void LogKept(ILogger logger, TopicIdPartition partition, string reason);

    private sealed class TopicReplicas(ImmutableArray<PartitionReplica> replicas)
    {
        public ImmutableArray<PartitionReplica> Replicas { get; } = replicas;

        public bool Has(PartitionIndex index) => (uint)index.Value < (uint)Replicas.Length;
    }
}
