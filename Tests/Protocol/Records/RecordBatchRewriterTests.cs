using System.Buffers;
using Loire.Protocol.Compression;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Records;

public sealed class RecordBatchRewriterTests
{
    [Fact]
    public void Log_append_time_changes_every_record_and_the_checksum()
    {
        var batch = Build(CompressionCodec.None);
        RecordBatchRewriter.SetLogAppendTime(batch.AsSpan(0, RecordBatchHeader.SizeBytes), nowMs: 777);

        var header = RecordBatchHeader.Read(batch);
        header.IsLogAppendTime.ShouldBeTrue();
        RecordBatchValidator.HasRightChecksum(new ReadOnlySequence<byte>(batch), header).ShouldBeTrue();
        TestRecord.ReadAll(batch).Select(record => record.TimestampMs).ShouldAllBe(time => time == 777);
    }

    [Fact]
    public void Max_timestamp_can_be_corrected()
    {
        var batch = Build(CompressionCodec.Lz4);
        RecordBatchRewriter.SetMaxTimestamp(batch.AsSpan(0, RecordBatchHeader.SizeBytes), maxTimestampMs: 9999);

        var header = RecordBatchHeader.Read(batch);
        header.MaxTimestamp.ShouldBe(9999);
        header.IsLogAppendTime.ShouldBeFalse();
        RecordBatchValidator.HasRightChecksum(new ReadOnlySequence<byte>(batch), header).ShouldBeTrue();
    }

    [Theory]
    [InlineData(CompressionCodec.Gzip, CompressionCodec.Zstd)]
    [InlineData(CompressionCodec.Zstd, CompressionCodec.None)]
    [InlineData(CompressionCodec.None, CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Snappy, CompressionCodec.Lz4)]
    public void Recompressed_batch_holds_the_same_records(CompressionCodec from, CompressionCodec to)
    {
        var batch = Build(from);
        var header = RecordBatchHeader.Read(batch);
        var output = new ArrayBufferWriter<byte>();
        RecordBatchRewriter.Recompress(
            header, new ReadOnlySequence<byte>(batch).Slice(RecordBatchHeader.SizeBytes), to, renumbers: false, 1 << 20, output);

        var rewritten = output.WrittenSpan.ToArray();
        RecordBatchValidator.ValidateHeader(new ReadOnlySequence<byte>(rewritten), out var after).ShouldBe(RecordBatchStatus.Valid);
        after.Codec.ShouldBe(to);
        after.ProducerId.ShouldBe(header.ProducerId);
        after.BaseSequence.ShouldBe(header.BaseSequence);
        TestRecord.ReadAll(rewritten).ShouldBe(TestRecord.ReadAll(batch));
    }

    [Fact]
    public void Recompression_stops_at_the_limit()
    {
        var batch = Build(CompressionCodec.Gzip);
        Should.Throw<CompressionException>(() => RecordBatchRewriter.Recompress(
                RecordBatchHeader.Read(batch),
                new ReadOnlySequence<byte>(batch).Slice(RecordBatchHeader.SizeBytes),
                CompressionCodec.Lz4,
                renumbers: false,
                limitSizeBytes: 100,
                new ArrayBufferWriter<byte>()))
            .IsOverLimit.ShouldBeTrue();
    }

    private static byte[] Build(CompressionCodec codec)
    {
        using var builder = new RecordBatchBuilder { Codec = codec, ProducerId = new(5), ProducerEpoch = 0, BaseSequence = 12 };
        for (var i = 0; i < 40; i++)
            new TestRecord(1000 + i, "key" + i, new string('v', i)).AppendTo(builder);
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        return output.WrittenSpan.ToArray();
    }
}
