using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster.Replicas;

/// <summary>The logs of this broker's replicas: opened when a replica is to be here, deleted when it is not any more.</summary>
internal sealed partial class ReplicaLogs(
    ILogStore store, NodeId self, IInSyncControl control, TimeProvider time, ILogger<ReplicaLogs> logger)
{
    /// <summary>Logs that were found at the start and of which no replica has been opened yet. The lock guards it.</summary>
    private readonly ILookup<TopicName, TopicIdPartition> _found = store.Partitions.ToLookup(partition => partition.Topic);
    private readonly HashSet<TopicIdPartition> _unclaimed = [.. store.Partitions];
    private readonly Lock _lock = new();

    /// <summary>Those whose damage was found since they were opened.</summary>
    public LostLogs Lost { get; } = Begin(store, self);

    /// <returns>Null where the log cannot be used. It is tried again with the topic's next change.</returns>
    public PartitionReplica? TryOpen(TopicIdPartition partition, PartitionState state, TopicConfig config)
    {
        switch (Lost.FateOf(partition, state))
        {
            case Fate.Kept:
                LogSole(logger, partition);
                return null;
            case Fate.Dropped:
                LogDropped(logger, partition);
                Delete(partition);
                break;
        }

        Lost.Remove(partition);
        try
        {
            var replica = new PartitionReplica(store, partition, config, self, time, control);
            lock (_lock) _unclaimed.Remove(partition);
            return replica;
        }
        catch (Exception failure) when (failure is LogStoreException or IOException or InvalidDataException)
        {
            LogNotOpened(logger, failure, partition);
            Lost.Add(partition, state.LeaderEpoch);
            return null;
        }
    }

    public void Delete(TopicIdPartition partition)
    {
        try
        {
            store.Delete(partition);
        }
        catch (Exception failure) when (failure is LogStoreException or IOException)
        {
            LogNotDeleted(logger, failure, partition);
        }
    }

    /// <summary>Deletes logs that are known to be of nobody any more, as on a broker that was away: those of a topic that is
    /// deleted, and those of a topic's former self, which had its name but another id.</summary>
    /// <param name="isPresent">The record is no older than this broker's start: then a log of another id is not of a later
    /// self.</param>
    public void Sweep(TopicRecord topic, bool isPresent)
    {
        foreach (var partition in _found[topic.Name])
        {
            var isGone = partition.TopicId == topic.Id
                ? topic.IsDeleted || (isPresent && !IsReplica(topic, partition.Partition))
                : isPresent;
            if (isGone) DeleteUnclaimed(partition);
        }
    }

    /// <summary>Says which logs are of no known topic. They are kept: what is not known may still be learnt.</summary>
    public void WarnOfStrays(Func<TopicId, bool> isKnown)
    {
        TopicIdPartition[] unclaimed;
        lock (_lock) unclaimed = [.. _unclaimed];
        foreach (var topic in unclaimed.GroupBy(partition => (partition.Topic, partition.TopicId)))
        {
            if (!isKnown(topic.Key.TopicId)) LogStray(logger, topic.Count(), topic.Key.Topic, topic.Key.TopicId);
        }
    }

    private static LostLogs Begin(ILogStore store, NodeId self)
    {
        var lost = new LostLogs(self);
        foreach (var partition in store.DamagedPartitions) lost.Add(partition, LeaderEpoch.None);
        return lost;
    }

    private void DeleteUnclaimed(TopicIdPartition partition)
    {
        lock (_lock)
        {
            if (!_unclaimed.Remove(partition)) return;
        }

        LogSwept(logger, partition, partition.TopicId);
        Delete(partition);
    }

    private bool IsReplica(TopicRecord topic, PartitionIndex partition) =>
        topic.Control.Find(partition) is not { } state || state.Replicas.Contains(self);

    [LoggerMessage(Level = LogLevel.Error, Message = "The log of {Partition} cannot be opened; its replica is offline here")]
    private static partial void LogNotOpened(ILogger logger, Exception failure, TopicIdPartition partition);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The log of {Partition} is damaged, and no broker has all that was acknowledged: the partition is offline and the "
            + "log kept. An unclean election (loire topics elect --unclean) lets a replica lead with what it has")]
    private static partial void LogSole(ILogger logger, TopicIdPartition partition);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The damaged log of {Partition} is dropped; it is fetched again from its leader")]
    private static partial void LogDropped(ILogger logger, TopicIdPartition partition);

    [LoggerMessage(Level = LogLevel.Error, Message = "The log of {Partition} is not needed any more and cannot be deleted")]
    private static partial void LogNotDeleted(ILogger logger, Exception failure, TopicIdPartition partition);

    [LoggerMessage(Level = LogLevel.Information, Message = "Deleting the log of {Partition} ({TopicId}): it has no place here any more")]
    private static partial void LogSwept(ILogger logger, TopicIdPartition partition, TopicId topicId);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Count} log(s) of topic {Topic} ({TopicId}) are here, but the cluster knows no such topic; they are kept")]
    private static partial void LogStray(ILogger logger, int count, TopicName topic, TopicId topicId);
}
