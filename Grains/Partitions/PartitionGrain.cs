using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Grains.Interfaces;
using Loire.Grains.Placement;
using Loire.Protocol;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace Loire.Grains.Partitions;

/// <summary>Reaches the local replica of a partition for Orleans callers. It decides nothing: whether this broker leads is
/// the replica's to say, so two activations do no harm. Reentrant, for an append waits for its followers while others are
/// appended.</summary>
[GrainType(GrainTypes.PartitionName), Reentrant, LeaderPlacement]
internal sealed partial class PartitionGrain(IPartitionDirectory partitions, TimeProvider time, ILogger<PartitionGrain> logger)
    : Grain, IPartitionGrain
{
    /// <summary>Under the response timeout of the calls.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(25);

    /// <summary>Well below what a message between silos may hold.</summary>
    private const int MaxReadBytes = 32 * 1024 * 1024;

    public async Task<AppendAnswer> AppendAsync(AppendRequest request)
    {
        var acks = (RequiredAcks)request.Acks;
        if (acks is not (RequiredAcks.All or RequiredAcks.Leader))
            return Refused(ErrorCode.InvalidRequiredAcks, $"acks is {request.Acks}; -1 and 1 are possible.");
        var found = Find();
        if (found.Replica is not { } replica) return Refused(found.Error, message: null);
        if (TopicNames.IsInternal(replica.Partition.Topic))
            return Refused(ErrorCode.InvalidTopicException, $"{replica.Partition.Topic} is internal; clients cannot write to it.");

        var commit = acks == RequiredAcks.All ? new CommitWait() : null;
        var result = await replica.AppendAsync(
            new ReadOnlySequence<byte>(request.Batch), acks, commit, slot: 0, CancellationToken.None);
        if (result.Error != ErrorCode.None) return Refused(result.Error, result.Message);
        var error = commit is null ? ErrorCode.None : await WaitAsync(commit);
        return error == ErrorCode.None
            ? new AppendAnswer((short)ErrorCode.None, null, result.BaseOffset.Value, result.LogAppendTimeMs)
            : Refused(error, message: null);
    }

    public async Task<ReadAnswer> ReadAsync(ReadRequest request)
    {
        var start = time.GetTimestamp();
        var wait = TimeSpan.FromMilliseconds(Math.Max(0, request.MaxWaitMs));
        if (wait > LongestWait) wait = LongestWait;
        while (true)
        {
            var found = Find();
            if (found.Replica is not { } replica) return Unread(found.Error, request.Offset);

            // The disk is never waited for in a turn: appends go on meanwhile.
            var answer = await Task.Run(() => Read(replica, request));
            var left = wait - time.GetElapsedTime(start);
            if (answer.Error != (short)ErrorCode.None || !answer.Batches.IsEmpty || left <= TimeSpan.Zero) return answer;
            if (!await ReadWait.WaitAsync(replica, new Offset(answer.HighWatermark), left, time)) return answer;
        }
    }

    public Task<PartitionOffsets> GetOffsetsAsync()
    {
        var found = Find();
        var error = found.Replica switch
        {
            null => found.Error,
            { KnowsHighWatermark: false } => ErrorCode.OffsetNotAvailable,
            _ => ErrorCode.None,
        };
        return Task.FromResult(error == ErrorCode.None
            ? new PartitionOffsets(
                (short)error,
                found.Replica!.LogStartOffset.Value,
                found.Replica.HighWatermark.Value,
                found.Replica.LastStableOffset.Value,
                found.Replica.LeaderEpoch.Value)
            : new PartitionOffsets((short)error, -1, -1, -1, found.LeaderEpoch.Value));
    }

    public async Task<FoundOffset> FindOffsetAsync(long timestampMs)
    {
        var found = Find();
        if (found.Replica is not { } replica) return new FoundOffset((short)found.Error, -1, -1);
        if (!replica.KnowsHighWatermark) return new FoundOffset((short)ErrorCode.OffsetNotAvailable, -1, -1);
        try
        {
            var position = await Task.Run(() => replica.FindByTimestamp(timestampMs, ReadIsolation.Uncommitted));
            return new FoundOffset((short)ErrorCode.None, position?.Offset.Value ?? -1, position?.TimestampMs ?? -1);
        }
        catch (Exception failure) when (failure is LogStoreException or IOException)
        {
            LogUnreadable(logger, replica.Partition, failure);
            return new FoundOffset((short)ErrorCode.KafkaStorageError, -1, -1);
        }
    }

    public Task<RecordsDeleted> DeleteRecordsAsync(long end)
    {
        var found = Find();
        var (error, logStart) = found.Replica switch
        {
            null => (found.Error, Offset.None),
            var replica when TopicNames.IsInternal(replica.Partition.Topic) => (ErrorCode.InvalidTopicException, Offset.None),
            var replica => replica.DeleteRecordsForClient(new Offset(end)),
        };
        return Task.FromResult(new RecordsDeleted((short)error, logStart.Value));
    }

    private static AppendAnswer Refused(ErrorCode error, string? message) => new((short)error, message, -1, -1);

    private static ReadAnswer Unread(ErrorCode error, long offset) => new((short)error, default, offset, -1, -1);

    /// <summary>Where this broker does not lead, the grain moves to who does. It moves rather than just goes away: who has
    /// its old address would call it back to life here.</summary>
    private PartitionLookup Find()
    {
        var key = this.GetPrimaryKeyString();
        var found = PartitionKey.TryParse(key, out var topic, out var partition)
            ? partitions.Find(new TopicName(topic), new PartitionIndex(partition))
            : new PartitionLookup(ErrorCode.InvalidTopicException, null, NodeId.None, LeaderEpoch.None);
        if (found.Replica is null) MigrateOnIdle();
        return found;
    }

    private async Task<ErrorCode> WaitAsync(CommitWait commit)
    {
        try
        {
            return await commit.Task.WaitAsync(LongestWait, time);
        }
        catch (TimeoutException)
        {
            return ErrorCode.RequestTimedOut;
        }
    }

    private ReadAnswer Read(PartitionReplica replica, ReadRequest request)
    {
        var isolation = request.IsCommittedOnly ? ReadIsolation.Committed : ReadIsolation.Uncommitted;
        try
        {
            var read = replica.Read(
                new Offset(request.Offset), Math.Clamp(request.MaxBytes, 0, MaxReadBytes), atLeastOne: true, isolation);
            return new ReadAnswer(
                (short)read.Error,
                Copy(read),
                read.NextOffset.Value,
                read.HighWatermark.Value,
                read.LogStartOffset.Value,
                replica.Partition.TopicId.Value);
        }
        catch (Exception failure) when (failure is LogStoreException or IOException)
        {
            LogUnreadable(logger, replica.Partition, failure);
            return Unread(ErrorCode.KafkaStorageError, request.Offset);
        }
    }

    /// <summary>The one copy: what the caller gets is written into the message from here.</summary>
    private static ReadOnlyMemory<byte> Copy(in PartitionRead read)
    {
        if (read.Records is not { } records) return default;
        try
        {
            var bytes = new ArrayBufferWriter<byte>(records.SizeBytes);
            records.CopyTo(bytes);
            return bytes.WrittenMemory;
        }
        finally
        {
            records.Release();
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The log of {Partition} cannot be read")]
    private static partial void LogUnreadable(ILogger logger, TopicIdPartition partition, Exception failure);
}
