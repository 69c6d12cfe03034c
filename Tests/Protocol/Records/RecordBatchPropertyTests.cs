using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Records;

public sealed class RecordBatchPropertyTests
{
    public static TheoryData<CompressionCodec> AllCodecs => [.. Enum.GetValues<CompressionCodec>()];

    [Theory]
    [MemberData(nameof(AllCodecs))]
    public void What_is_built_reads_back(CompressionCodec codec)
    {
        using var builder = new RecordBatchBuilder { Codec = codec, ProducerId = new(7), ProducerEpoch = 1, BaseSequence = 3 };
        Check.QuickThrowOnFailure(Prop.ForAll(BatchOfRecords.ToArbitrary(), records =>
        {
            foreach (var record in records)
                record.AppendTo(builder);
            var output = new ArrayBufferWriter<byte>();
            var size = builder.Build(output, new Offset(1000));
            size.ShouldBe(output.WrittenCount);
            var bytes = output.WrittenSpan.ToArray();

            RecordBatchValidator.ValidateHeader(new ReadOnlySequence<byte>(bytes), out var header).ShouldBe(RecordBatchStatus.Valid);
            RecordBatchValidator
                .ValidateRecords(header, new ReadOnlySequence<byte>(bytes).Slice(RecordBatchHeader.SizeBytes), 1 << 24, out var summary)
                .ShouldBe(RecordBatchStatus.Valid);
            summary.MaxTimestampMs.ShouldBe(records.Max(r => r.TimestampMs));
            summary.HasNullKey.ShouldBe(records.Any(r => r.Key is null));
            summary.HeaderMaxTimestampIsRight.ShouldBeTrue();

            var expected = records.Select((record, index) => record with { Offset = 1000 + index });
            TestRecord.ReadAll(bytes).ShouldBe(expected);
            TestRecord.ReadAll(Vectors.Cut(bytes, 1 + (size % 13))).ShouldBe(expected);
        }));
    }

    [Theory]
    [MemberData(nameof(AllCodecs))]
    public void Truncated_batches_are_dropped_and_truncated_payloads_refused(CompressionCodec codec)
    {
        using var builder = new RecordBatchBuilder { Codec = codec };
        for (var i = 0; i < 5; i++)
            new TestRecord(i, "key" + i, new string('v', 20)).AppendTo(builder);
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        var bytes = output.WrittenSpan.ToArray();
        var header = RecordBatchHeader.Read(bytes);
        var payload = bytes[RecordBatchHeader.SizeBytes..];

        for (var length = 0; length < bytes.Length; length++)
            TestRecord.ReadAll(bytes[..length]).ShouldBeEmpty();
        for (var length = 0; length < payload.Length; length++)
        {
            var status = RecordBatchValidator.ValidateRecords(header, new ReadOnlySequence<byte>(payload[..length]), 1 << 20, out _);
            // The last bytes of gzip are a checksum of what is there already.
            if (codec != CompressionCodec.Gzip || length < payload.Length - 8)
                status.ShouldNotBe(RecordBatchStatus.Valid, $"{codec} cut at {length} of {payload.Length}");
        }
    }

    [Theory]
    [MemberData(nameof(AllCodecs))]
    public void Damaged_payloads_never_do_worse_than_an_error(CompressionCodec codec)
    {
        using var builder = new RecordBatchBuilder { Codec = codec };
        for (var i = 0; i < 5; i++)
            new TestRecord(i, "key" + i, new string((char)('a' + i), 20)).AppendTo(builder);
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        var header = RecordBatchHeader.Read(output.WrittenSpan);
        var payload = output.WrittenSpan[RecordBatchHeader.SizeBytes..].ToArray();
        for (var bit = 0; bit < payload.Length * 8; bit++)
        {
            var damaged = payload.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            RecordBatchValidator.ValidateRecords(header, new ReadOnlySequence<byte>(damaged), 1 << 20, out _)
                .ShouldBeOneOf(
                    RecordBatchStatus.Valid, RecordBatchStatus.BadCompression, RecordBatchStatus.DecompressedTooLarge,
                    RecordBatchStatus.BadRecord, RecordBatchStatus.BadOffsetDelta);
        }
    }

    private static Gen<string> TextOf(int longest) =>
        from length in Gen.Choose(0, longest)
        from seed in Gen.Choose(0, 255)
        from stride in Gen.Elements(0, 1, 77)
        select Encoding.Latin1.GetString([.. Enumerable.Range(0, length).Select(i => (byte)(seed + (i * stride)))]);

    private static Gen<string?> NullableTextOf(int longest) =>
        Gen.Frequency((1, Gen.Constant<string?>(null)), (5, TextOf(longest).Select(text => (string?)text)));

    private static Gen<TestRecord> Record =>
        from time in Gen.Choose(-1, int.MaxValue)
        from scale in Gen.Elements(1L, 1L << 30)
        from key in NullableTextOf(40)
        from value in Gen.Frequency((9, NullableTextOf(300)), (1, NullableTextOf(100_000)))
        from headers in Gen.Zip(TextOf(5).Select(text => "h" + text.Length), NullableTextOf(20)).ArrayOf(3)
        from count in Gen.Choose(0, 3)
        select new TestRecord(time < 0 ? -1 : time * scale, key, value, headers[..count]);

    private static Gen<TestRecord[]> BatchOfRecords =>
        from count in Gen.Choose(1, 30)
        from records in Record.ArrayOf(count)
        select records;
}
