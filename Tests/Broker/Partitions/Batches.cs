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
}
