using System.Buffers;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Records;

/// <summary>Batches recorded from kcat 1.7.1, python3-kafka 2.0.2, python3-confluent-kafka 1.7.0 (librdkafka 2.0.2) and
/// kafkajs 2.2.4.</summary>
public sealed class GoldenBatchTests
{
    public static TheoryData<string, string> Recorded => new(
        from client in new[] { "librdkafka", "kcat", "kafka-python", "kafkajs" }
        from codec in new[] { "none", "gzip", "snappy", "lz4", "zstd" }
        where (client, codec) is not (("kafka-python", "zstd") or ("kafkajs", "lz4" or "zstd"))
        select (client, codec));

    [Theory]
    [MemberData(nameof(Recorded))]
    public void Batch_of_a_real_client_is_valid_and_reads_back(string client, string codec)
    {
        var bytes = Vectors.Golden($"{client}-{codec}");
        RecordBatchValidator.Validate(new ReadOnlySequence<byte>(bytes), out var header, out _).ShouldBe(RecordBatchStatus.Valid);
        header.Codec.ToString().ShouldBe(codec, StringCompareShould.IgnoreCase);
        RecordBatchValidator
            .ValidateRecords(header, new ReadOnlySequence<byte>(bytes).Slice(RecordBatchHeader.SizeBytes), 1 << 20, out var summary)
            .ShouldBe(RecordBatchStatus.Valid);
        summary.HeaderMaxTimestampIsRight.ShouldBeTrue();

        var records = TestRecord.ReadAll(bytes);
        if (client == "kcat")
        {
            summary.HasNullKey.ShouldBeFalse();
            records.Select(r => r.Key).ShouldBe(["key-0", "key-1", "key-2"]);
            records[2].Value!.TrimEnd().ShouldBe(Value(2).TrimEnd());
            records[0].Headers.ShouldBe([("h", "x")]);
            return;
        }
        summary.HasNullKey.ShouldBeTrue();
        (string, string?)[] headers = client == "librdkafka" ? [("h", "x"), ("e", ""), ("n", null)] : [("h", "x"), ("e", "")];
        records.ShouldBe(
        [
            new TestRecord(1700000000000, "key-0", Value(0)) { Offset = 0 },
            new TestRecord(1700000000001, null, Value(1)) { Offset = 1 },
            new TestRecord(1700000000002, "key-2", null) { Offset = 2 },
            new TestRecord(1700000000003, "key-3", Value(3), headers) { Offset = 3 },
        ]);
    }

    private static string Value(int index) => string.Concat(Enumerable.Repeat($"the quick brown fox {index} ", 8));
}
