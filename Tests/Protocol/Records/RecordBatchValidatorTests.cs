using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol;
using Loire.Protocol.Hashing;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Records;

public sealed class RecordBatchValidatorTests
{
    [Fact]
    public void Every_cut_is_refused()
    {
        var batch = Build(new(5, "k", "v", ("h", null)), new(4, null, null));
        for (var length = 0; length < batch.Length; length++)
        {
            var expected = length == 0 ? RecordBatchStatus.Missing : RecordBatchStatus.CutShort;
            Validate(batch[..length]).ShouldBe(expected, $"cut at {length}");
        }
        Validate(batch).ShouldBe(RecordBatchStatus.Valid);
    }

    [Fact]
    public void Every_flipped_bit_is_noticed()
    {
        var batch = Build(new(5, "k", "v", ("h", null)), new(4, null, null));
        for (var bit = 0; bit < batch.Length * 8; bit++)
        {
            // Base offset and leader epoch are outside the checksum: the broker sets them.
            if (bit / 8 is < 8 or (>= 12 and < 16))
                continue;
            var damaged = batch.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Validate(damaged).ShouldNotBe(RecordBatchStatus.Valid, $"bit {bit}");
        }
    }

    [Theory]
    [InlineData(0, RecordBatchStatus.OldFormat, ErrorCode.InvalidRecord)]
    [InlineData(1, RecordBatchStatus.OldFormat, ErrorCode.InvalidRecord)]
    [InlineData(3, RecordBatchStatus.UnknownFormat, ErrorCode.CorruptMessage)]
    public void Other_formats_are_told_apart(byte magic, RecordBatchStatus expected, ErrorCode error)
    {
        // An old message is shorter than the header of a batch.
        var message = new byte[34];
        message[RecordBatchHeader.MagicPosition] = magic;
        Validate(message).ShouldBe(expected);
        expected.ToErrorCode().ShouldBe(error);
    }

    [Fact]
    public void Exactly_one_batch_is_taken()
    {
        var batch = Build(new TestRecord(1, "k", "v"));
        Validate([.. batch, .. batch]).ShouldBe(RecordBatchStatus.MoreThanOneBatch);
        Validate([.. batch, 0]).ShouldBe(RecordBatchStatus.MoreThanOneBatch);
    }

    public static TheoryData<int, byte[], RecordBatchStatus, ErrorCode> WrongFields => new()
    {
        { 8, [0, 0, 0, 48], RecordBatchStatus.BadLength, ErrorCode.CorruptMessage },
        { 8, [0xFF, 0xFF, 0xFF, 0xFF], RecordBatchStatus.BadLength, ErrorCode.CorruptMessage },
        { 8, [0x7F, 0xFF, 0xFF, 0xFF], RecordBatchStatus.CutShort, ErrorCode.InvalidRecord },
        { 21, [0, 5], RecordBatchStatus.UnknownCodec, ErrorCode.UnsupportedCompressionType },
        { 21, [0, 0x08], RecordBatchStatus.LogAppendTime, ErrorCode.InvalidTimestamp },
        { 21, [0, 0x20], RecordBatchStatus.ControlBatch, ErrorCode.InvalidRecord },
        { 21, [0, 0x40], RecordBatchStatus.BadAttributes, ErrorCode.InvalidRecord },
        { 21, [1, 0], RecordBatchStatus.BadAttributes, ErrorCode.InvalidRecord },
        { 23, [0, 0, 0, 7], RecordBatchStatus.BadRecordsCount, ErrorCode.InvalidRecord },
        { 57, [0, 0, 0, 0], RecordBatchStatus.BadRecordsCount, ErrorCode.InvalidRecord },
        { 57, [0x80, 0, 0, 0], RecordBatchStatus.BadRecordsCount, ErrorCode.InvalidRecord },
        { 43, [0, 0, 0, 0, 0, 0, 0, 9], RecordBatchStatus.BadSequence, ErrorCode.InvalidRecord },
    };

    [Theory]
    [MemberData(nameof(WrongFields))]
    public void Wrong_header_fields_are_named(int position, byte[] value, RecordBatchStatus expected, ErrorCode error)
    {
        var batch = Build(new(1, "k", "v"), new TestRecord(2, "k", "v"));
        value.CopyTo(batch, position);
        Validate(WithChecksum(batch)).ShouldBe(expected);
        expected.ToErrorCode().ShouldBe(error);
        expected.Describe().ShouldNotBe("The batch is invalid.");
    }

    [Theory]
    [InlineData(0x00, 0x00, 0x00, 0x00)] // record length 0
    [InlineData(0x01, 0x00, 0x00, 0x00)] // record length -1
    [InlineData(0x7E, 0x00, 0x00, 0x00)] // record longer than the batch
    [InlineData(0xFF, 0xFF, 0xFF, 0xFF)] // length without end
    [InlineData(0x10, 0x00, 0x80, 0x80)] // timestamp delta swallows the rest
    public void Hostile_records_are_refused(byte a, byte b, byte c, byte d)
    {
        var batch = Build(new TestRecord(1, "k", "v"));
        new[] { a, b, c, d }.CopyTo(batch, RecordBatchHeader.SizeBytes);
        batch = WithChecksum(batch);
        Validate(batch).ShouldBe(RecordBatchStatus.BadRecord);
        Should.Throw<RecordsException>(() => TestRecord.ReadAll(batch)).Message.ShouldContain("Record 0 of 1");
    }

    [Fact]
    public void Any_byte_of_the_records_may_be_hostile()
    {
        var batch = Build(new(5, "key", "value", ("h", "x"), ("n", null)), new(4, null, null), new TestRecord(9, "", ""));
        for (var position = RecordBatchHeader.SizeBytes; position < batch.Length; position++)
        {
            for (var value = 0; value < 256; value++)
            {
                var hostile = batch.ToArray();
                hostile[position] = (byte)value;
                WithChecksum(hostile);
                var whole = Validate(hostile);
                RecordBatchValidator.Validate(Vectors.Cut(hostile, 3), out _, out _).ShouldBe(whole);
                // The reader takes any offset delta; in everything else it agrees with the validator.
                if (whole is RecordBatchStatus.Valid)
                    TestRecord.ReadAll(hostile).Count.ShouldBe(3);
                else if (whole is RecordBatchStatus.BadRecord)
                    Should.Throw<RecordsException>(() => TestRecord.ReadAll(hostile));
            }
        }
    }

    [Fact]
    public void Offset_deltas_must_count_up()
    {
        using var builder = new RecordBatchBuilder();
        builder.Append(0, 1, RecordBytes.Null, RecordBytes.Null);
        builder.Append(2, 1, RecordBytes.Null, RecordBytes.Null);
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        var batch = output.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(23), 1);
        Validate(WithChecksum(batch)).ShouldBe(RecordBatchStatus.BadOffsetDelta);
    }

    [Fact]
    public void Summary_says_what_the_records_hold()
    {
        var batch = Build(new(100, "k", "v"), new(40, "k", "v"), new(-1, "k", "v"), new TestRecord(70, "k", null));
        RecordBatchValidator.Validate(new ReadOnlySequence<byte>(batch), out _, out var summary).ShouldBe(RecordBatchStatus.Valid);
        summary.ShouldBe(new RecordsSummary
        {
            MinTimestampMs = 40,
            MaxTimestampMs = 100,
            HasNullKey = false,
            OffsetDeltasCountUp = true,
            HeaderMaxTimestampIsRight = true,
        });
        summary.TimestampsAreWithin(nowMs: 90, beforeMaxMs: 50, afterMaxMs: 10).ShouldBeTrue();
        summary.TimestampsAreWithin(nowMs: 90, beforeMaxMs: 49, afterMaxMs: 10).ShouldBeFalse();
        summary.TimestampsAreWithin(nowMs: 90, beforeMaxMs: 50, afterMaxMs: 9).ShouldBeFalse();
        summary.TimestampsAreWithin(nowMs: 90, long.MaxValue, long.MaxValue).ShouldBeTrue();

        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(35), 99);
        RecordBatchValidator.Validate(new ReadOnlySequence<byte>(WithChecksum(batch)), out _, out summary);
        summary.HeaderMaxTimestampIsRight.ShouldBeFalse();

        var unkeyed = Build(new TestRecord(-1, null, "v"));
        RecordBatchValidator.Validate(new ReadOnlySequence<byte>(unkeyed), out _, out summary);
        summary.HasNullKey.ShouldBeTrue();
        summary.TimestampsAreWithin(nowMs: 90, beforeMaxMs: 0, afterMaxMs: 0).ShouldBeTrue();
    }

    [Fact]
    public void Extreme_timestamps_do_not_overflow_the_limits()
    {
        var summary = new RecordsSummary { MinTimestampMs = long.MinValue, MaxTimestampMs = 1 };
        summary.TimestampsAreWithin(1_700_000_000_000, beforeMaxMs: 1000, afterMaxMs: 1000).ShouldBeFalse();
        summary = new RecordsSummary { MinTimestampMs = 1_700_000_000_000, MaxTimestampMs = long.MaxValue };
        summary.TimestampsAreWithin(1_700_000_000_000, beforeMaxMs: 1000, afterMaxMs: 1000).ShouldBeFalse();
    }

    private static RecordBatchStatus Validate(byte[] bytes)
    {
        var whole = RecordBatchValidator.Validate(new ReadOnlySequence<byte>(bytes), out _, out _);
        RecordBatchValidator.Validate(Vectors.Cut(bytes, 7), out _, out _).ShouldBe(whole);
        return whole;
    }

    private static byte[] Build(params TestRecord[] records)
    {
        using var builder = new RecordBatchBuilder();
        foreach (var record in records)
            record.AppendTo(builder);
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] WithChecksum(byte[] batch)
    {
        BinaryPrimitives.WriteUInt32BigEndian(
            batch.AsSpan(RecordBatchHeader.CrcPosition), Crc32C.Compute(batch.AsSpan(RecordBatchHeader.AttributesPosition)));
        return batch;
    }
}
