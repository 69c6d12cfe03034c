using System.Buffers;
using System.Text;
using System.Text.Json;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Records;

public sealed class RecordVectorTests
{
    private static readonly JsonElement Batches = Vectors.Json("record-batches.json");

    public static TheoryData<string> PlainNames => [.. Batches.GetProperty("plain").EnumerateArray().Select(NameOf)];

    public static TheoryData<string> Codecs =>
        [.. Batches.GetProperty("compressed").EnumerateArray().Select(batch => batch.GetProperty("codec").GetString()!)];

    [Theory]
    [MemberData(nameof(PlainNames))]
    public void Header_has_the_published_fields(string name)
    {
        var vector = Plain(name);
        var expected = vector.GetProperty("header");
        var header = RecordBatchHeader.Read(vector.Hex("hex"));

        header.BaseOffset.Value.ShouldBe(expected.GetProperty("baseOffset").GetInt64());
        header.BatchLength.ShouldBe(expected.GetProperty("batchLength").GetInt32());
        header.PartitionLeaderEpoch.Value.ShouldBe(expected.GetProperty("partitionLeaderEpoch").GetInt32());
        header.Crc.ToString("x8").ShouldBe(expected.GetProperty("crc").GetString());
        ((short)header.Attributes).ShouldBe(expected.GetProperty("attributes").GetInt16());
        header.LastOffsetDelta.ShouldBe(expected.GetProperty("lastOffsetDelta").GetInt32());
        header.BaseTimestamp.ShouldBe(expected.GetProperty("baseTimestamp").GetInt64());
        header.MaxTimestamp.ShouldBe(expected.GetProperty("maxTimestamp").GetInt64());
        header.ProducerId.Value.ShouldBe(expected.GetProperty("producerId").GetInt64());
        header.ProducerEpoch.ShouldBe(expected.GetProperty("producerEpoch").GetInt16());
        header.BaseSequence.ShouldBe(expected.GetProperty("baseSequence").GetInt32());
        header.RecordsCount.ShouldBe(expected.GetProperty("recordCount").GetInt32());
        RecordBatchValidator.HasRightChecksum(new ReadOnlySequence<byte>(vector.Hex("hex")), header).ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(PlainNames))]
    public void Records_read_as_published(string name)
    {
        var vector = Plain(name);
        TestRecord.ReadAll(vector.Hex("hex")).ShouldBe(Expected(vector));
    }

    [Theory]
    [MemberData(nameof(PlainNames))]
    public void Builder_writes_the_published_bytes(string name)
    {
        var vector = Plain(name);
        var header = RecordBatchHeader.Read(vector.Hex("hex"));
        // What only brokers write is not the builder's: emptied batches and log append time.
        if (header.RecordsCount == 0 || header.IsLogAppendTime)
        {
            name.ShouldBeOneOf(
                "empty batch kept by the log cleaner", "log append time (bit 3): every record takes maxTimestamp");
            return;
        }
        using var builder = new RecordBatchBuilder
        {
            IsTransactional = header.IsTransactional,
            IsControl = header.IsControl,
            ProducerId = header.ProducerId,
            ProducerEpoch = header.ProducerEpoch,
            BaseSequence = header.BaseSequence,
        };
        using var reader = new RecordReader(header, new ReadOnlySequence<byte>(vector.Hex("hex")).Slice(RecordBatchHeader.SizeBytes));
        while (reader.TryRead(out var record))
        {
            var delta = (int)(record.Offset - header.BaseOffset);
            builder.Append(delta, record.TimestampMs, record.Key, record.Value, record.Headers.ToArray());
        }
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        var built = output.WrittenSpan.ToArray();
        RecordBatchHeader.Assign(built, header.BaseOffset, header.PartitionLeaderEpoch);

        if (name.StartsWith("after compaction", StringComparison.Ordinal))
        {
            // The header keeps spanning the offsets that were dropped after the last record; the records are the same.
            built.AsSpan(RecordBatchHeader.SizeBytes).SequenceEqual(vector.Hex("hex").AsSpan(RecordBatchHeader.SizeBytes)).ShouldBeTrue();
            return;
        }
        Convert.ToHexStringLower(built).ShouldBe(vector.GetProperty("hex").GetString());
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Compressed_batch_of_the_Java_client_reads_back(string codec)
    {
        var batch = Batches.GetProperty("compressed").EnumerateArray().Single(b => b.GetProperty("codec").GetString() == codec);
        var bytes = batch.Hex("hex");
        RecordBatchValidator.Validate(new ReadOnlySequence<byte>(bytes), out var header, out _).ShouldBe(RecordBatchStatus.Valid);
        header.Codec.ToString().ShouldBe(codec, StringCompareShould.IgnoreCase);

        using var reader = new RecordReader(header, new ReadOnlySequence<byte>(bytes).Slice(RecordBatchHeader.SizeBytes));
        Convert.ToHexStringLower(reader.PlainBytes).ShouldBe(Batches.GetProperty("compressedPayload").GetString());
        for (var segment = 1; segment < 20; segment++)
            TestRecord.ReadAll(Vectors.Cut(bytes, segment)).Count.ShouldBe(3);
    }

    [Fact]
    public void Transaction_markers_read_and_write()
    {
        foreach (var (name, commit) in new[] { ("control, commit marker", true), ("control, abort marker", false) })
        {
            var expected = Plain(name).Hex("hex");
            var header = RecordBatchHeader.Read(expected);
            var output = new ArrayBufferWriter<byte>();
            ControlRecord.WriteTransactionMarker(
                output, header.ProducerId, header.ProducerEpoch, commit, coordinatorEpoch: 5, header.BaseTimestamp);
            var written = output.WrittenSpan.ToArray();
            RecordBatchHeader.Assign(written, header.BaseOffset, header.PartitionLeaderEpoch);
            written.ShouldBe(expected);

            using var reader = new RecordReader(header, new ReadOnlySequence<byte>(written).Slice(RecordBatchHeader.SizeBytes));
            reader.TryRead(out var record).ShouldBeTrue();
            ControlRecord.Read(record).ShouldBe(
                new ControlRecord(commit ? ControlRecordType.Commit : ControlRecordType.Abort, CoordinatorEpoch: 5));
        }
    }

    private static JsonElement Plain(string name) =>
        Batches.GetProperty("plain").EnumerateArray().Single(batch => NameOf(batch) == name);

    private static string NameOf(JsonElement batch) => batch.GetProperty("name").GetString()!;

    private static List<TestRecord> Expected(JsonElement vector)
    {
        var header = RecordBatchHeader.Read(vector.Hex("hex"));
        return [.. vector.GetProperty("records").EnumerateArray().Select(record =>
        {
            var time = header.IsLogAppendTime
                ? header.MaxTimestamp
                : header.BaseTimestamp + record.GetProperty("timestampDelta").GetInt64();
            (string, string?)[] headers = record.TryGetProperty("headers", out var list)
                ? [.. list.EnumerateArray().Select(h => (h[0].GetString()!, h[1].GetString()))]
                : [];
            return new TestRecord(time, TextOf(record, "key"), TextOf(record, "value"), headers)
            {
                Offset = header.BaseOffset.Value + record.GetProperty("offsetDelta").GetInt32(),
            };
        })];
    }

    private static string? TextOf(JsonElement record, string name) => record.TryGetProperty(name + "Hex", out _)
        ? Encoding.Latin1.GetString(record.Hex(name + "Hex"))
        : record.GetProperty(name).GetString();
}
