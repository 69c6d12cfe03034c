using System.Buffers;
using Loire.Broker.Groups;
using Loire.Protocol;
using Loire.Protocol.Records;
using Loire.Protocol.Wire;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

/// <summary>The layout of __consumer_offsets is Kafka's and does not change: other tools read it.</summary>
public sealed class CoordinatorRecordCodecTests
{
    private static readonly GroupId Group = new("grp");
    private static readonly TopicPartition Partition = GroupWorld.Partition("words", 2);
    private static readonly CommittedOffset Committed = new(new Offset(42), new LeaderEpoch(7), "m", 1_000, null, TopicId.None);

    [Fact]
    public void An_offset_is_laid_out_as_kafka_does()
    {
        var (key, value) = Encode(new OffsetRecord(Group, Partition, Committed));
        Convert.ToHexString(key).ShouldBe("0001" + "0003677270" + "0005776F726473" + "00000002");
        Convert.ToHexString(value!).ShouldBe("0003" + "000000000000002A" + "00000007" + "00016D" + "00000000000003E8");
    }

    [Fact]
    public void A_group_is_laid_out_as_kafka_does()
    {
        var metadata = new GroupMetadata(
            "consumer", 3, "range", "id", 1_000, [new RecordedMember("id", null, "c", "/h", 5, 6, [1], [2, 3])]);
        var (key, value) = Encode(new GroupMetadataRecord(Group, metadata));
        Convert.ToHexString(key).ShouldBe("0002" + "0003677270");
        Convert.ToHexString(value!).ShouldBe(
            "0003" + "0008636F6E73756D6572" + "00000003" + "000572616E6765" + "00026964" + "00000000000003E8" + "00000001"
            + "00026964" + "FFFF" + "000163" + "00022F68" + "00000005" + "00000006" + "0000000101" + "000000020203");
    }

    [Fact]
    public void Records_come_back_as_they_were_written()
    {
        CoordinatorRecord[] records =
        [
            new OffsetRecord(Group, Partition, Committed),
            new OffsetRecord(Group, Partition, Committed with { ExpireTimestampMs = 5, LeaderEpoch = LeaderEpoch.None }),
            new OffsetRecord(Group, Partition, Committed with { TopicId = new TopicId(Guid.NewGuid()) }),
            new OffsetRecord(Group, Partition, null),
            new GroupMetadataRecord(Group, null),
        ];
        records.Select(RoundTrip).ShouldBe(records);
        var member = new RecordedMember("id", "instance", "c", "/h", 5, 6, [1], [2, 3]);
        var read = RoundTrip(new GroupMetadataRecord(Group, new GroupMetadata("consumer", 3, null, null, -1, [member])))
            .ShouldBeOfType<GroupMetadataRecord>().Value!;
        (read.Generation, read.ProtocolName, read.Leader, read.StateTimestampMs).ShouldBe((3, null, null, -1L));
        (read.Members[0].InstanceId, read.Members[0].RebalanceTimeoutMs).ShouldBe(("instance", 5));
        read.Members[0].Assignment.ShouldBe([2, 3]);
    }

    [Fact]
    public void Records_of_other_types_are_passed_over_and_damaged_ones_are_not()
    {
        CoordinatorRecordCodec.Decode(new RecordBytes([0, 3, 0, 0]), RecordBytes.Null).ShouldBeNull();
        Should.Throw<WireFormatException>(() => CoordinatorRecordCodec.Decode(new RecordBytes([0, 1, 0, 9]), RecordBytes.Null));
    }

    [Fact]
    public void A_name_that_does_not_fit_is_refused()
    {
        using var batch = new CoordinatorBatch { MaxBytes = 1_000_000 };
        var record = new OffsetRecord(Group, Partition, Committed with { Metadata = new string('x', 40_000) });
        batch.TryAdd(record, 0).ShouldBe(ErrorCode.InvalidRecord);
        batch.Count.ShouldBe(0);
    }

    private static CoordinatorRecord? RoundTrip(CoordinatorRecord record)
    {
        var (key, value) = Encode(record);
        return CoordinatorRecordCodec.Decode(key, value);
    }

    private static (byte[] Key, byte[]? Value) Encode(CoordinatorRecord record)
    {
        var (key, value) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        var hasValue = CoordinatorRecordCodec.Encode(record, key, value);
        return (key.WrittenSpan.ToArray(), hasValue ? value.WrittenSpan.ToArray() : null);
    }
}
