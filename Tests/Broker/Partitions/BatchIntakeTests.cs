using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Hashing;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Partitions;

public sealed class BatchIntakeTests
{
    private const long Now = 1_000_000_000;

    [Fact]
    public void A_good_batch_is_taken_byte_for_byte()
    {
        var sent = Batches.Bytes(records: 3, timestampMs: Now);
        Stored(sent, TopicConfig.Default).ShouldBe(sent);
    }

    [Fact]
    public void Log_append_time_changes_the_header_and_keeps_the_checksum_right()
    {
        var stored = Stored(Batches.Bytes(records: 3, timestampMs: 5), TopicConfig.Default with { LogAppendTime = true });
        var header = RecordBatchHeader.Read(stored);
        header.IsLogAppendTime.ShouldBeTrue();
        header.MaxTimestamp.ShouldBe(Now);
        RecordBatchValidator.HasRightChecksum(new ReadOnlySequence<byte>(stored), header).ShouldBeTrue();
    }

    [Fact]
    public void Another_codec_than_the_topics_is_replaced()
    {
        var config = TopicConfig.Default with { Compression = CompressionCodec.Gzip };
        var stored = Stored(Batches.Bytes(records: 50, valueSize: 500, timestampMs: Now), config);
        var header = RecordBatchHeader.Read(stored);
        header.Codec.ShouldBe(CompressionCodec.Gzip);
        stored.Length.ShouldBeLessThan(5_000);
        RecordBatchValidator.Validate(new(stored), out _, out _).ShouldBe(RecordBatchStatus.Valid);
        using var reader = new RecordReader(header, new(stored, RecordBatchHeader.SizeBytes, stored.Length - RecordBatchHeader.SizeBytes));
        var count = 0;
        while (reader.TryRead(out var record))
        {
            record.Value.Length.ShouldBe(500);
            count++;
        }

        count.ShouldBe(50);
    }

    [Theory]
    [InlineData(CompressionCodec.Gzip, null)]
    [InlineData(CompressionCodec.Snappy, null)]
    [InlineData(CompressionCodec.Zstd, CompressionCodec.None)]
    public void Odd_offset_deltas_of_a_compressed_batch_are_renumbered(CompressionCodec sentCodec, CompressionCodec? kept)
    {
        var sent = WithOddDeltas(sentCodec);
        var stored = Stored(sent, TopicConfig.Default with { Compression = kept });
        RecordBatchHeader.Read(stored).Codec.ShouldBe(kept ?? sentCodec);
        Offsets(stored).ShouldBe([0, 1, 2]);
        Contents(stored).ShouldBe(Contents(sent));
        BatchIntake.Check(new(stored), TopicConfig.Default, int.MaxValue, Now, out var again).ShouldBeNull();
        again.Header.Crc.ShouldBe(RecordBatchHeader.Read(stored).Crc);
    }

    [Fact]
    public void Odd_offset_deltas_of_an_uncompressed_batch_are_refused() =>
        Refused(WithOddDeltas(CompressionCodec.None), TopicConfig.Default).Error.ShouldBe(ErrorCode.InvalidRecord);

    [Fact]
    public void Its_own_codec_stays_as_it_is()
    {
        var sent = Batches.Bytes(timestampMs: Now, codec: CompressionCodec.Gzip);
        Stored(sent, TopicConfig.Default with { Compression = CompressionCodec.Gzip }).ShouldBe(sent);
    }

    [Fact]
    public void Too_large_a_batch_is_refused_with_both_numbers()
    {
        var refused = Refused(Batches.Bytes(valueSize: 1_000), TopicConfig.Default with { MaxMessageBytes = 500 });
        refused.Error.ShouldBe(ErrorCode.MessageTooLarge);
        refused.Message.ShouldNotBeNull().ShouldContain("500");
    }

    [Fact]
    public void A_flipped_bit_is_corruption()
    {
        var sent = Batches.Bytes(timestampMs: Now);
        sent[^1] ^= 1;
        Refused(sent, TopicConfig.Default).Error.ShouldBe(ErrorCode.CorruptMessage);
    }

    [Fact]
    public void No_bytes_are_no_batch() => Refused([], TopicConfig.Default).Error.ShouldBe(ErrorCode.InvalidRecord);

    [Fact]
    public void Two_batches_are_refused() =>
        Refused([.. Batches.Bytes(timestampMs: Now), .. Batches.Bytes(timestampMs: Now)], TopicConfig.Default)
            .Error.ShouldBe(ErrorCode.InvalidRecord);

    [Fact]
    public void Transactions_are_refused()
    {
        var sent = Batches.Bytes(timestampMs: Now, producerId: 1, producerEpoch: 0, sequence: 0, isTransactional: true);
        Refused(sent, TopicConfig.Default).Error.ShouldBe(ErrorCode.InvalidTxnState);
    }

    [Theory]
    [InlineData(Now - 1_001, false)]
    [InlineData(Now - 1_000, true)]
    [InlineData(Now + 500, true)]
    [InlineData(Now + 501, false)]
    [InlineData(-1, true)]
    public void Timestamps_are_bounded_by_the_topic(long timestampMs, bool isTaken)
    {
        var config = TopicConfig.Default with { TimestampBeforeMaxMs = 1_000, TimestampAfterMaxMs = 500 };
        var sent = Batches.Bytes(records: 2, timestampMs: timestampMs);
        var refused = BatchIntake.Check(new(sent), config, int.MaxValue, Now, out _);
        (refused is null).ShouldBe(isTaken);
        if (isTaken) return;
        refused!.Value.Error.ShouldBe(ErrorCode.InvalidTimestamp);
        refused.Value.RecordErrors.Length.ShouldBe(2);
        BatchIntake.Check(new(sent), config with { LogAppendTime = true }, int.MaxValue, Now, out _).ShouldBeNull();
    }

    [Theory]
    [InlineData(CompressionCodec.None)]
    [InlineData(CompressionCodec.Gzip)]
    public void A_compacted_topic_needs_keys(CompressionCodec codec)
    {
        var refused = Refused(
            Batches.Bytes(timestampMs: Now, withKeys: false, codec: codec), TopicConfig.Default with { Compact = true });
        refused.Error.ShouldBe(ErrorCode.InvalidRecord);
        refused.RecordErrors.Single().BatchIndex.ShouldBe(0);
    }

    /// <summary>Three records whose offset deltas leave gaps, in a batch whose header counts three.</summary>
    private static byte[] WithOddDeltas(CompressionCodec codec)
    {
        const int lastOffsetDeltaPosition = 23;
        using var builder = new RecordBatchBuilder { Codec = codec, ProducerId = new(7), ProducerEpoch = 1, BaseSequence = 4 };
        foreach (var delta in new[] { 5, 7, 300 })
        {
            var value = Encoding.UTF8.GetBytes(new string('v', delta));
            builder.Append(
                delta, Now + delta, new RecordBytes("key"u8), new RecordBytes(value), [new RecordHeader("delta", value.AsMemory(0, 2))]);
        }

        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        var batch = output.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(lastOffsetDeltaPosition), 2);
        BinaryPrimitives.WriteUInt32BigEndian(
            batch.AsSpan(RecordBatchHeader.CrcPosition), Crc32C.Compute(batch.AsSpan(RecordBatchHeader.AttributesPosition)));
        return batch;
    }

    private static long[] Offsets(byte[] batch) => Read(batch, record => record.Offset.Value);

    private static string[] Contents(byte[] batch) => Read(batch, record =>
        $"{record.TimestampMs} {record.Key.ToText()} {record.Value.ToText()} {Header(record.Headers.ToArray().Single())}");

    private static string Header(RecordHeader header) => header.Name + Encoding.UTF8.GetString(header.Value!.Value.Span);

    private static T[] Read<T>(byte[] batch, Func<RecordView, T> read)
    {
        var all = new List<T>();
        var payload = new ReadOnlySequence<byte>(batch).Slice(RecordBatchHeader.SizeBytes);
        using var reader = new RecordReader(RecordBatchHeader.Read(batch), payload);
        while (reader.TryRead(out var record)) all.Add(read(record));
        return [.. all];
    }

    private static AppendResult Refused(byte[] sent, TopicConfig config) =>
        BatchIntake.Check(new(sent), config, int.MaxValue, Now, out _).ShouldNotBeNull();

    private static byte[] Stored(byte[] sent, TopicConfig config)
    {
        BatchIntake.Check(new(sent), config, int.MaxValue, Now, out var batch).ShouldBeNull();
        var bytes = new byte[RecordBatchHeader.SizeBytes];
        batch.Header.Write(bytes);
        return [.. bytes, .. batch.Records.ToArray()];
    }
}
