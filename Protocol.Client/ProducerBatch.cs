using System.Buffers.Binary;
using Loire.Protocol.Compression;
using Loire.Protocol.Hashing;
using Loire.Protocol.Records;

namespace Loire.Protocol.Client;

/// <summary>A built batch on its way to the leader.</summary>
internal sealed class ProducerBatch
{
    public PooledBuffer Bytes { get; } = new();

    /// <summary>The batch's place in its partition's order.</summary>
    public long Ordinal { get; private set; }
    public int RecordsCount { get; private set; }

    /// <summary>When its first record was appended.</summary>
    public long StartedTimestamp { get; private set; }

    /// <summary>Why it was last sent in vain.</summary>
    public ErrorCode LastError { get; private set; }

    /// <summary>It may be in the log though nobody said so. Under other sequence numbers it would get in twice.</summary>
    public bool IsInDoubt { get; private set; }

    /// <summary>The leader does not have what came before, hence took nothing of this batch.</summary>
    public bool IsOutOfSequence => IsSequenceLost(LastError);

    public static bool IsSequenceLost(ErrorCode error) =>
        error is ErrorCode.OutOfOrderSequenceNumber or ErrorCode.UnknownProducerId;

    public void Start(long ordinal, int recordsCount, long startedTimestamp)
    {
        Bytes.Clear();
        Ordinal = ordinal;
        RecordsCount = recordsCount;
        StartedTimestamp = startedTimestamp;
        LastError = ErrorCode.None;
        IsInDoubt = false;
    }

    public void Fail(ErrorCode error)
    {
        LastError = error;
        if (IsSequenceLost(error))
            IsInDoubt = false;
        else
            IsInDoubt |= error is ErrorCode.NetworkException or ErrorCode.RequestTimedOut or ErrorCode.NotEnoughReplicasAfterAppend
                or ErrorCode.KafkaStorageError;
    }

    /// <summary>Gives the built batch another place in its producer's sequence.</summary>
    public void Restamp(short producerEpoch, int baseSequence)
    {
        var bytes = Bytes.GetWritten(0, Bytes.WrittenCount);
        var header = RecordBatchHeader.Read(bytes) with { ProducerEpoch = producerEpoch, BaseSequence = baseSequence };
        header.Write(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(
            bytes[RecordBatchHeader.CrcPosition..], Crc32C.Compute(bytes[RecordBatchHeader.AttributesPosition..]));
    }
}
