using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Tests.Broker.Partitions;

/// <summary>Record batches for tests whose records do not matter.</summary>
internal static class Batches
{
    public static RecordBatchHeader Header(
        int records = 1,
        long producerId = -1,
        short producerEpoch = -1,
        int sequence = -1,
        long timestampMs = 1_000,
        Offset baseOffset = default) => new()
        {
            BaseOffset = baseOffset,
            BatchLength = RecordBatchHeader.SizeBytes - RecordBatchHeader.LogOverheadBytes,
            PartitionLeaderEpoch = LeaderEpoch.None,
            Magic = RecordBatchHeader.CurrentMagic,
            LastOffsetDelta = records - 1,
            BaseTimestamp = timestampMs,
            MaxTimestamp = timestampMs,
            ProducerId = new ProducerId(producerId),
            ProducerEpoch = producerEpoch,
            BaseSequence = sequence,
            RecordsCount = records,
        };

    /// <summary>A real batch as a producer sends it.</summary>
    public static byte[] Bytes(
        int records = 1,
        int valueSize = 10,
        long timestampMs = 1_000,
        long producerId = -1,
        short producerEpoch = -1,
        int sequence = -1,
        CompressionCodec codec = CompressionCodec.None,
        bool isTransactional = false,
        bool withKeys = true)
    {
        using var builder = new RecordBatchBuilder
        {
            Codec = codec,
            ProducerId = new ProducerId(producerId),
            ProducerEpoch = producerEpoch,
            BaseSequence = sequence,
            IsTransactional = isTransactional,
        };
        var value = new byte[valueSize];
        for (var i = 0; i < records; i++)
        {
            builder.Append(timestampMs, withKeys ? new RecordBytes("key"u8) : RecordBytes.Null, new RecordBytes(value));
        }

        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Appends a batch with acks=all; completes when it is committed or refused.</summary>
    public static async Task<AppendResult> AppendAndCommitAsync(
        this PartitionReplica replica, byte[] batch, CancellationToken cancellationToken)
    {
        var commit = new CommitTask();
        var result = await replica.AppendAsync(
            new ReadOnlySequence<byte>(batch), RequiredAcks.All, commit, slot: 0, cancellationToken);
        if (result.Error != ErrorCode.None) return result;
        return result with { Error = await commit.Task.WaitAsync(cancellationToken) };
    }
}
