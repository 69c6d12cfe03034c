using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>The state a partition derives from its log, as bytes for a checkpoint (big-endian): format int8 = 1; log end
/// offset int64; epochs int32, each epoch int32 and start offset int64; producers int32, each id int64, epoch int16, last
/// append int64 (ms), batches int8, each first sequence int32, base offset int64, last offset delta int32, timestamp int64
/// (ms).</summary>
internal static class PartitionSnapshot
{
    private const byte Format = 1;

    public static void Write(IBufferWriter<byte> output, Offset logEnd, EpochHistory epochs, ProducerWindow producers)
    {
        var fields = new Writer(output);
        fields.Int8(Format);
        fields.Int64(logEnd.Value);
        fields.Int32(epochs.Starts.Length);
        foreach (var start in epochs.Starts)
        {
            fields.Int32(start.Epoch.Value);
            fields.Int64(start.Start.Value);
        }

        fields.Int32(producers.Count);
        foreach (var (producer, batches) in producers.Producers)
        {
            fields.Int64(producer.Value);
            fields.Int16(batches.Epoch);
            fields.Int64(batches.LastAppendMs);
            fields.Int8((byte)batches.Count);
            foreach (ref readonly var mark in batches.Batches)
            {
                fields.Int32(mark.FirstSequence);
                fields.Int64(mark.BaseOffset.Value);
                fields.Int32(mark.LastOffsetDelta);
                fields.Int64(mark.TimestampMs);
            }
        }
    }

    /// <returns>The log end offset that the snapshot covers.</returns>
    /// <exception cref="InvalidDataException">The bytes are of a newer format or not a snapshot.</exception>
    public static Offset Read(ReadOnlySpan<byte> snapshot, EpochHistory epochs, ProducerWindow producers)
    {
        var fields = new Reader(snapshot);
        var format = fields.Int8();
        if (format != Format) throw new InvalidDataException($"partition snapshot of format {format}, this version reads {Format}");

        var logEnd = new Offset(fields.Int64());
        epochs.Clear();
        producers.Clear();
        for (var count = fields.Int32(); count > 0; count--)
        {
            var epoch = new LeaderEpoch(fields.Int32());
            epochs.Assign(epoch, new Offset(fields.Int64()));
        }

        for (var count = fields.Int32(); count > 0; count--)
        {
            var producer = new ProducerId(fields.Int64());
            var batches = new ProducerBatches(fields.Int16()) { LastAppendMs = fields.Int64() };
            for (var marks = fields.Int8(); marks > 0; marks--)
            {
                batches.Add(new BatchMark(fields.Int32(), new Offset(fields.Int64()), fields.Int32(), fields.Int64()));
            }

            producers.Restore(producer, batches);
        }

        return logEnd;
    }

    private readonly struct Writer(IBufferWriter<byte> output)
    {
        public void Int8(byte value) => Take(1)[0] = value;
        public void Int16(short value) => BinaryPrimitives.WriteInt16BigEndian(Take(2), value);
        public void Int32(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(4), value);
        public void Int64(long value) => BinaryPrimitives.WriteInt64BigEndian(Take(8), value);

        private Span<byte> Take(int size)
        {
            var span = output.GetSpan(size)[..size];
            output.Advance(size);
            return span;
        }
    }

    private ref struct Reader(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public byte Int8() => Take(1)[0];
        public short Int16() => BinaryPrimitives.ReadInt16BigEndian(Take(2));
        public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(4));
        public long Int64() => BinaryPrimitives.ReadInt64BigEndian(Take(8));

        private ReadOnlySpan<byte> Take(int size)
        {
            if (_rest.Length < size) throw new InvalidDataException("partition snapshot ends too early");
            var taken = _rest[..size];
            _rest = _rest[size..];
            return taken;
        }
    }
}
