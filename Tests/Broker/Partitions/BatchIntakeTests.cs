using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
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
