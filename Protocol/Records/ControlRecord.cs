using System.Buffers;
using System.Buffers.Binary;

namespace Loire.Protocol.Records;

/// <summary>What a control record says (KIP-98, KIP-595).</summary>
public enum ControlRecordType : short
{
    Abort = 0,
    Commit = 1,
    LeaderChange = 2,
    SnapshotHeader = 3,
    SnapshotFooter = 4,
    KRaftVersion = 5,
    KRaftVoters = 6,
}

/// <summary>The only record of a control batch. Its key: version int16, type int16. The value of a transaction marker:
/// version int16, coordinator epoch int32.</summary>
/// <param name="Type">A type that is not defined is to be skipped.</param>
/// <param name="CoordinatorEpoch">-1 where the record is no transaction marker.</param>
public readonly record struct ControlRecord(ControlRecordType Type, int CoordinatorEpoch)
{
    private const int KeySize = 4;
    private const int MarkerSize = 6;

    /// <exception cref="RecordsException">The key or the value is too short.</exception>
    public static ControlRecord Read(in RecordView record)
    {
        if (record.Key.Length < KeySize)
            throw new RecordsException($"The control record at offset {record.Offset} has a key of {record.Key.Length} bytes.");
        var type = (ControlRecordType)BinaryPrimitives.ReadInt16BigEndian(record.Key.Span[2..]);
        if (type is not (ControlRecordType.Abort or ControlRecordType.Commit))
            return new ControlRecord(type, -1);
        if (record.Value.Length < MarkerSize)
            throw new RecordsException($"The marker at offset {record.Offset} has a value of {record.Value.Length} bytes.");
        return new ControlRecord(type, BinaryPrimitives.ReadInt32BigEndian(record.Value.Span[2..]));
    }

    /// <summary>Writes a batch that ends a producer's transaction.</summary>
    /// <returns>The size of the batch, header included.</returns>
    public static int WriteTransactionMarker(
        IBufferWriter<byte> output,
        ProducerId producerId,
        short producerEpoch,
        bool commit,
        int coordinatorEpoch,
        long timestampMs)
    {
        Span<byte> key = stackalloc byte[KeySize];
        key.Clear();
        BinaryPrimitives.WriteInt16BigEndian(key[2..], (short)(commit ? ControlRecordType.Commit : ControlRecordType.Abort));
        Span<byte> value = stackalloc byte[MarkerSize];
        value.Clear();
        BinaryPrimitives.WriteInt32BigEndian(value[2..], coordinatorEpoch);

        using var builder = new RecordBatchBuilder
        {
            IsTransactional = true,
            IsControl = true,
            ProducerId = producerId,
            ProducerEpoch = producerEpoch,
        };
        builder.Append(timestampMs, (ReadOnlySpan<byte>)key, (ReadOnlySpan<byte>)value);
        return builder.Build(output);
    }
}
