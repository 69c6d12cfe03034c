namespace Loire.Protocol.Records;

/// <summary>What a broker finds wrong with a produced batch.</summary>
public enum RecordBatchStatus : byte
{
    Valid = 0,

    /// <summary>There are no bytes.</summary>
    Missing,

    /// <summary>The bytes end before the batch does.</summary>
    CutShort,

    /// <summary>Bytes follow the batch: a partition takes exactly one per request.</summary>
    MoreThanOneBatch,

    /// <summary>A message set of magic 0 or 1, from before Kafka 0.11.</summary>
    OldFormat,

    /// <summary>A magic from the future, or no batch at all.</summary>
    UnknownFormat,

    /// <summary>batchLength is smaller than a header.</summary>
    BadLength,

    /// <summary>The checksum is not that of the bytes.</summary>
    BadChecksum,

    /// <summary>The codec's bits name none.</summary>
    UnknownCodec,

    /// <summary>Attributes are set that a producer does not set.</summary>
    BadAttributes,

    /// <summary>Only a broker writes control batches.</summary>
    ControlBatch,

    /// <summary>Only a broker sets log append time.</summary>
    LogAppendTime,

    /// <summary>recordsCount is not over zero, or not lastOffsetDelta + 1.</summary>
    BadRecordsCount,

    /// <summary>A producer id comes without a sequence number or an epoch.</summary>
    BadSequence,

    /// <summary>A record's fields do not fit its length, or there are more or fewer records than announced.</summary>
    BadRecord,

    /// <summary>The records' offset deltas do not count 0, 1, 2 ...</summary>
    BadOffsetDelta,

    /// <summary>The records do not decompress.</summary>
    BadCompression,

    /// <summary>The records decompress to more than the limit.</summary>
    DecompressedTooLarge,

    /// <summary>The codec's library is not installed on this broker.</summary>
    CodecUnavailable,
}

public static class RecordBatchStatusExtensions
{
    /// <summary>The error Kafka 4 answers a produce with. What ProduceRequest.validateRecords and LogValidator refuse,
    /// old message formats included, is INVALID_RECORD; UNSUPPORTED_FOR_MESSAGE_FORMAT went with the down-conversion
    /// that needed it.</summary>
    public static ErrorCode ToErrorCode(this RecordBatchStatus status) => status switch
    {
        RecordBatchStatus.Valid => ErrorCode.None,
        RecordBatchStatus.BadLength or RecordBatchStatus.BadChecksum or RecordBatchStatus.BadCompression
            or RecordBatchStatus.UnknownFormat => ErrorCode.CorruptMessage,
        RecordBatchStatus.LogAppendTime => ErrorCode.InvalidTimestamp,
        RecordBatchStatus.UnknownCodec or RecordBatchStatus.CodecUnavailable => ErrorCode.UnsupportedCompressionType,
        RecordBatchStatus.DecompressedTooLarge => ErrorCode.MessageTooLarge,
        _ => ErrorCode.InvalidRecord,
    };

    /// <summary>A sentence for the answer's error message.</summary>
    public static string Describe(this RecordBatchStatus status) => status switch
    {
        RecordBatchStatus.Valid => "The batch is valid.",
        RecordBatchStatus.Missing => "The partition's records hold no batch.",
        RecordBatchStatus.CutShort => "The batch is longer than the partition's records.",
        RecordBatchStatus.MoreThanOneBatch => "The partition's records hold more than one batch.",
        RecordBatchStatus.OldFormat => "The records are in message format 0 or 1; only record batches of magic 2 are accepted.",
        RecordBatchStatus.UnknownFormat => "The records are in an unknown message format; only record batches of magic 2 are accepted.",
        RecordBatchStatus.BadLength => "The batch's length is too small for its header.",
        RecordBatchStatus.BadChecksum => "The batch's CRC-32C does not match its bytes.",
        RecordBatchStatus.UnknownCodec => "The batch names an unknown compression codec.",
        RecordBatchStatus.BadAttributes => "The batch sets attributes that producers must not set.",
        RecordBatchStatus.ControlBatch => "Producers must not write control batches.",
        RecordBatchStatus.LogAppendTime => "Producers must not set the timestamp type to log append time.",
        RecordBatchStatus.BadRecordsCount => "The batch's number of records does not match its last offset delta.",
        RecordBatchStatus.BadSequence => "The batch has a producer id, but no valid epoch or base sequence.",
        RecordBatchStatus.BadRecord => "A record of the batch is malformed.",
        RecordBatchStatus.BadOffsetDelta => "The records' offset deltas do not count up from 0.",
        RecordBatchStatus.BadCompression => "The batch's records do not decompress.",
        RecordBatchStatus.DecompressedTooLarge => "The batch's records decompress to more than is allowed.",
        RecordBatchStatus.CodecUnavailable => "The broker has no library for the batch's compression codec.",
        _ => "The batch is invalid.",
    };
}
