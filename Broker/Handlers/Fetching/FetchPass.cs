using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>Reads the partitions of a fetch once, in their order, within the limits of the request. The first that has
/// records gives at least one batch, however large, so that the client gets on.</summary>
internal ref struct FetchPass(IPartitionDirectory directory, int maxBytes, FetchReader reader, ILogger logger)
{
    private int _left = maxBytes;

    public long ReadBytes { get; private set; }

    /// <summary>Something must be told at once, however few bytes there are.</summary>
    public bool IsUrgent { get; private set; }

    public void Run(List<FetchPartition> partitions)
    {
        var (known, unknown) = (0, 0);
        foreach (var partition in partitions)
        {
            var error = Find(partition);
            partition.Diverging = null;
            partition.PreferredReplica = NodeId.None;
            if (error == ErrorCode.None) Read(partition);
            else partition.Read = FetchReader.Refused(error);

            if (error is ErrorCode.UnknownTopicOrPartition or ErrorCode.UnknownTopicId) unknown++;
            else known++;
            if (reader.IsUrgent(partition)) IsUrgent = true;
        }

        // What waits holds memory: who asks mostly for what is not there does not wait.
        if (known == 0 || unknown > known) IsUrgent = true;
    }

    private readonly ErrorCode Find(FetchPartition partition)
    {
        var asked = partition.CurrentLeaderEpoch;
        if (partition.Replica is { Availability: ErrorCode.None } known && known.LeaderEpoch >= asked) return ErrorCode.None;
        var found = partition.TopicId.IsNone
            ? directory.Find(partition.Topic, partition.Index, asked)
            : directory.Find(partition.TopicId, partition.Index, asked);
        partition.Replica = found.Replica ?? (reader.ReadsFollowers ? found.Follower : null);
        partition.Leader = found.Leader;
        partition.LeaderEpoch = found.LeaderEpoch;
        return partition.Replica is null ? found.Error : ErrorCode.None;
    }

    private void Read(FetchPartition partition)
    {
        try
        {
            reader.Read(partition, Math.Min(Math.Max(0, partition.MaxBytes), _left), atLeastOne: ReadBytes == 0);
        }
        catch (Exception failure) when (failure is LogStoreException or IOException)
        {
            // A log that cannot be read spoils its own partition's answer only.
            FetchLog.Unreadable(logger, partition.Replica!.Partition, partition.FetchOffset, failure);
            partition.Read = FetchReader.Refused(ErrorCode.KafkaStorageError);
        }

        ReadBytes += partition.Read.SizeBytes;
        _left = Math.Max(0, _left - partition.Read.SizeBytes);
    }
}

internal static partial class FetchLog
{
    [LoggerMessage(Level = LogLevel.Error, Message = "The log of {Partition} cannot be read at offset {Offset}")]
    public static partial void Unreadable(ILogger logger, TopicIdPartition partition, Offset offset, Exception failure);
}
