using System.Globalization;

namespace Loire.Grains.Interfaces;

/// <summary>A partition where it is led; the key is <c>topic/partition</c>, see <see cref="PartitionKey"/>. The activation
/// sits on the silo that leads. One that no longer does answers NOT_LEADER_OR_FOLLOWER and goes away: ask again, and the
/// call finds the new leader.</summary>
[Alias("Loire.IPartitionGrain")]
public interface IPartitionGrain : IGrainWithStringKey
{
    /// <summary>Appends one record batch. With acks=all the answer comes when the batch is on disk on every in-sync
    /// replica; REQUEST_TIMED_OUT after 25 s, when that may still come.</summary>
    [Alias("AppendAsync"), ResponseTimeout("00:00:30")]
    Task<AppendAnswer> AppendAsync(AppendRequest request);

    /// <summary>Reads whole batches; waits up to the request's time while there are none.</summary>
    [Alias("ReadAsync"), ResponseTimeout("00:00:30")]
    Task<ReadAnswer> ReadAsync(ReadRequest request);

    [Alias("GetOffsetsAsync")]
    Task<PartitionOffsets> GetOffsetsAsync();

    /// <summary>The offset of the first record at or after a time.</summary>
    /// <param name="timestampMs">Milliseconds since 1970.</param>
    [Alias("FindOffsetAsync")]
    Task<FoundOffset> FindOffsetAsync(long timestampMs);

    /// <summary>Makes the records below an offset unreadable, for good. Does not wait for other replicas.</summary>
    /// <param name="end">-1 for all that is committed.</param>
    [Alias("DeleteRecordsAsync"), ResponseTimeout("00:00:10")]
    Task<RecordsDeleted> DeleteRecordsAsync(long end);
}

/// <summary>The key of a partition's grain.</summary>
public static class PartitionKey
{
    public static string Of(string topic, int partition) =>
        string.Create(CultureInfo.InvariantCulture, $"{topic}/{partition}");

    /// <returns>False where the key is none.</returns>
    public static bool TryParse(string key, out string topic, out int partition)
    {
        var slash = key.LastIndexOf('/');
        topic = slash > 0 ? key[..slash] : "";
        partition = -1;
        return slash > 0
            && int.TryParse(key.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out partition);
    }
}

/// <param name="Batch">One record batch of Kafka's format v2, as a producer sends it. Not to be changed afterwards.</param>
/// <param name="Acks">-1 for all in-sync replicas, 1 for the leader alone.</param>
[GenerateSerializer, Immutable, Alias("Loire.AppendRequest")]
public sealed record AppendRequest([property: Id(0)] ReadOnlyMemory<byte> Batch, [property: Id(1)] short Acks);

/// <param name="Error">Kafka's error code; 0 for none.</param>
/// <param name="BaseOffset">Of the batch's first record; -1 where there is an error.</param>
/// <param name="TimestampMs">With LogAppendTime, else -1.</param>
[GenerateSerializer, Immutable, Alias("Loire.AppendAnswer")]
public sealed record AppendAnswer(
    [property: Id(0)] short Error,
    [property: Id(1)] string? Message,
    [property: Id(2)] long BaseOffset,
    [property: Id(3)] long TimestampMs);

/// <param name="Offset">The first batch of the answer may start below it.</param>
/// <param name="MaxBytes">At least one batch comes, whatever its size.</param>
/// <param name="MaxWaitMs">How long to wait for a first record; at most 25,000.</param>
/// <param name="IsCommittedOnly">Read no record of an open or aborted transaction.</param>
[GenerateSerializer, Immutable, Alias("Loire.ReadRequest")]
public sealed record ReadRequest(
    [property: Id(0)] long Offset,
    [property: Id(1)] int MaxBytes,
    [property: Id(2)] int MaxWaitMs,
    [property: Id(3)] bool IsCommittedOnly);

/// <param name="Error">Kafka's error code; 0 for none.</param>
/// <param name="Batches">Whole record batches of format v2, one after the other; empty where there are none.</param>
/// <param name="TopicId">Of the topic that was read: one of the same name that comes after it has another. Empty where none
/// was.</param>
[GenerateSerializer, Immutable, Alias("Loire.ReadAnswer")]
public sealed record ReadAnswer(
    [property: Id(0)] short Error,
    [property: Id(1)] ReadOnlyMemory<byte> Batches,
    [property: Id(2)] long NextOffset,
    [property: Id(3)] long HighWatermark,
    [property: Id(4)] long LogStartOffset,
    [property: Id(5)] Guid TopicId = default);

/// <param name="Error">Kafka's error code; 0 for none.</param>
[GenerateSerializer, Immutable, Alias("Loire.PartitionOffsets")]
public sealed record PartitionOffsets(
    [property: Id(0)] short Error,
    [property: Id(1)] long LogStartOffset,
    [property: Id(2)] long HighWatermark,
    [property: Id(3)] long LastStableOffset,
    [property: Id(4)] int LeaderEpoch);

/// <param name="Error">Kafka's error code; 0 for none.</param>
/// <param name="Offset">-1 where there is no such record.</param>
[GenerateSerializer, Immutable, Alias("Loire.FoundOffset")]
public sealed record FoundOffset(
    [property: Id(0)] short Error, [property: Id(1)] long Offset, [property: Id(2)] long TimestampMs);

/// <param name="Error">Kafka's error code; 0 for none. OFFSET_OUT_OF_RANGE beyond the high watermark, POLICY_VIOLATION where
/// the topic is compacted only.</param>
/// <param name="LogStartOffset">Where the partition begins now; -1 with an error.</param>
[GenerateSerializer, Immutable, Alias("Loire.RecordsDeleted")]
public sealed record RecordsDeleted([property: Id(0)] short Error, [property: Id(1)] long LogStartOffset);
