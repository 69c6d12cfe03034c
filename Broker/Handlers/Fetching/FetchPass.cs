using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>Reads the partitions of a fetch once, in their order, within the limits of the request. The first that has
/// records gives at least one batch, however large, so that the client gets on.</summary>
internal ref struct FetchPass(IPartitionDirectory directory, int maxBytes, ReadIsolation isolation, ILogger logger)
{
    private int _left = maxBytes;

    public long ReadBytes { get; private set; }

    /// <summary>Something must be told at once, however few bytes there are.</summary>
    public bool IsUrgent { get; private set; }

    public void Run(List<FetchPartition> partitions)
    {
        var anyInteresting = false;
        foreach (var partition in partitions)
        {
            var error = Find(partition);
            partition.Diverging = null;
            if (error is ErrorCode.UnknownTopicOrPartition or ErrorCode.UnknownTopicId)
            {
                // It may come into being within the client's wait, and the other partitions are not to suffer.
                partition.Read = Refused(error);
                continue;
            }

            anyInteresting = true;
            partition.Read = error == ErrorCode.None ? Read(partition) : Refused(error);
            if (partition.Read.Error != ErrorCode.None || partition.Diverging is not null) IsUrgent = true;
        }

        if (!anyInteresting) IsUrgent = true;
    }

    private readonly ErrorCode Find(FetchPartition partition)
    {
        if (partition.Replica is { Availability: ErrorCode.None }) return ErrorCode.None;
        var found = partition.TopicId.IsNone
            ? directory.Find(partition.Topic, partition.Index)
            : directory.Find(partition.TopicId, partition.Index);
        partition.Replica = found.Replica;
        partition.Leader = found.Leader;
        partition.LeaderEpoch = found.LeaderEpoch;
        return found.Error;
    }

    private PartitionRead Read(FetchPartition partition)
    {
        var replica = partition.Replica!;
        if (LeaderEpochCheck.Check(partition.CurrentLeaderEpoch, replica) is not ErrorCode.None and var fenced)
        {
            return Refused(fenced);
        }

        if (partition.LastFetchedEpoch != LeaderEpoch.None)
        {
            var end = replica.EndOfEpoch(partition.LastFetchedEpoch);
            if (end.Epoch == LeaderEpoch.None) return Refused(ErrorCode.OffsetOutOfRange);
            if (end.End < partition.FetchOffset || end.Epoch < partition.LastFetchedEpoch)
            {
                partition.Diverging = end;
                return new PartitionRead(
                    ErrorCode.None,
                    null,
                    partition.FetchOffset,
                    replica.HighWatermark,
                    replica.LastStableOffset,
                    replica.LogStartOffset);
            }
        }

        var limit = Math.Min(Math.Max(0, partition.MaxBytes), _left);
        var read = ReadLog(replica, partition.FetchOffset, limit);
        ReadBytes += read.SizeBytes;
        _left = Math.Max(0, _left - read.SizeBytes);
        return read;
    }

    /// <summary>A log that cannot be read spoils its own partition's answer only.</summary>
    private readonly PartitionRead ReadLog(PartitionReplica replica, Offset from, int limit)
    {
        try
        {
            return replica.Read(from, limit, atLeastOne: ReadBytes == 0, isolation);
        }
        catch (Exception failure) when (failure is LogStoreException or IOException)
        {
            FetchLog.Unreadable(logger, replica.Partition, from, failure);
            return Refused(ErrorCode.KafkaStorageError);
        }
    }

    private static PartitionRead Refused(ErrorCode error) =>
        new(error, null, Offset.None, Offset.None, Offset.None, Offset.None);
}

internal static partial class FetchLog
{
    [LoggerMessage(Level = LogLevel.Error, Message = "The log of {Partition} cannot be read at offset {Offset}")]
    public static partial void Unreadable(ILogger logger, TopicIdPartition partition, Offset offset, Exception failure);
}
