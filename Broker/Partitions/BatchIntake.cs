using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>A batch that may be appended: its header, whose offset and leader epoch are still to be assigned, and the
/// bytes after it.</summary>
internal readonly record struct IntakeBatch(RecordBatchHeader Header, ReadOnlySequence<byte> Records);

/// <summary>Checks what was sent to a partition against the format and the topic's settings, and brings it into the form
/// the topic keeps. Needs no lock.</summary>
internal static class BatchIntake
{
    /// <returns>A result with an error where the batch is refused; null where it may be appended.</returns>
    public static AppendResult? Check(
        in ReadOnlySequence<byte> sent, TopicConfig config, long nowMs, out IntakeBatch batch)
    {
        batch = default;
        if (sent.Length < RecordBatchHeader.SizeBytes)
        {
            return AppendResult.Failed(ErrorCode.CorruptMessage, "not a whole record batch", Offset.None);
        }

        Span<byte> header = stackalloc byte[RecordBatchHeader.SizeBytes];
        sent.Slice(0, RecordBatchHeader.SizeBytes).CopyTo(header);
        batch = new IntakeBatch(RecordBatchHeader.Read(header), sent.Slice(RecordBatchHeader.SizeBytes));
        return null;
    }
}
