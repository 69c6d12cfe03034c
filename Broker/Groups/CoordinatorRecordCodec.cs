using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Protocol.Wire;

namespace Loire.Broker.Groups;

/// <summary>Records as Kafka lays them out in __consumer_offsets: the key is a type and the message of that type, the
/// value a version and the message in that version.</summary>
internal static class CoordinatorRecordCodec
{
    private const short LegacyOffsetType = 0;
    private const short OffsetType = 1;
    private const short GroupMetadataType = 2;

    private const short OffsetVersion = 3;
    private const short OffsetWithExpiryVersion = 1;
    private const short OffsetWithTopicIdVersion = 4;
    private const short GroupMetadataVersion = 3;

    /// <summary>Writes the key and the value.</summary>
    /// <returns>False for a tombstone: there is no value.</returns>
    /// <exception cref="WireFormatException">A field is too long for its type.</exception>
    public static bool Encode(CoordinatorRecord record, IBufferWriter<byte> key, IBufferWriter<byte> value)
    {
        switch (record)
        {
            case OffsetRecord offset:
                var offsetKey = new OffsetCommitKey
                {
                    Group = offset.Group,
                    Topic = offset.Partition.Topic,
                    Partition = offset.Partition.Partition,
                };
                Write(key, OffsetType, offsetKey, 0);
                if (offset.Value is not { } committed)
                    return false;
                var version = VersionOf(committed);
                Write(value, version, ToMessage(committed), version);
                return true;
            case GroupMetadataRecord group:
                Write(key, GroupMetadataType, new GroupMetadataKey { Group = group.Group }, 0);
                if (group.Value is not { } metadata)
                    return false;
                Write(value, GroupMetadataVersion, ToMessage(metadata), GroupMetadataVersion);
                return true;
            default:
                throw new ArgumentException($"no layout for {record.GetType().Name}", nameof(record));
        }
    }

    /// <returns>Null for a record of a type that is not known here.</returns>
    /// <exception cref="WireFormatException">The bytes are not what their type and version say.</exception>
    public static CoordinatorRecord? Decode(RecordBytes key, RecordBytes value)
    {
        var reader = new WireReader(new ReadOnlySequence<byte>(key.Span.ToArray()));
        switch (reader.ReadInt16("key type"))
        {
            case LegacyOffsetType or OffsetType:
                var offset = OffsetCommitKey.Read(ref reader, 0);
                return new OffsetRecord(
                    offset.Group,
                    new TopicPartition(offset.Topic, offset.Partition),
                    value.IsNull ? null : ToOffset(value));
            case GroupMetadataType:
                var group = GroupMetadataKey.Read(ref reader, 0).Group;
                return new GroupMetadataRecord(group, value.IsNull ? null : ToMetadata(value));
            default:
                return null;
        }
    }

    private static short VersionOf(CommittedOffset offset) =>
        offset.ExpireTimestampMs is not null ? OffsetWithExpiryVersion
        : offset.TopicId.IsNone ? OffsetVersion
        : OffsetWithTopicIdVersion;

    private static void Write(IBufferWriter<byte> output, short prefix, IMessage message, short version)
    {
        BinaryPrimitives.WriteInt16BigEndian(output.GetSpan(sizeof(short)), prefix);
        output.Advance(sizeof(short));
        var writer = new WireWriter(output);
        message.Write(ref writer, version);
        writer.Flush();
    }

    private static OffsetCommitValue ToMessage(CommittedOffset offset) => new()
    {
        Offset = offset.Offset,
        LeaderEpoch = offset.LeaderEpoch,
        Metadata = offset.Metadata,
        CommitTimestamp = offset.CommitTimestampMs,
        ExpireTimestamp = offset.ExpireTimestampMs ?? -1,
        TopicId = offset.TopicId,
    };

    private static CommittedOffset ToOffset(RecordBytes bytes)
    {
        var reader = new WireReader(new ReadOnlySequence<byte>(bytes.Span.ToArray()));
        var value = OffsetCommitValue.Read(ref reader, reader.ReadInt16("value version"));
        return new CommittedOffset(
            value.Offset,
            value.LeaderEpoch,
            value.Metadata,
            value.CommitTimestamp,
            value.ExpireTimestamp < 0 ? null : value.ExpireTimestamp,
            value.TopicId);
    }

    private static GroupMetadataValue ToMessage(GroupMetadata metadata) => new()
    {
        ProtocolType = metadata.ProtocolType,
        Generation = metadata.Generation,
        Protocol = metadata.ProtocolName,
        Leader = metadata.Leader,
        CurrentStateTimestamp = metadata.StateTimestampMs,
        Members = [.. metadata.Members.Select(member => new GroupMetadataValue.MemberMetadata
        {
            MemberId = member.MemberId,
            GroupInstanceId = member.InstanceId,
            ClientId = member.ClientId,
            ClientHost = member.ClientHost,
            RebalanceTimeout = member.RebalanceTimeoutMs,
            SessionTimeout = member.SessionTimeoutMs,
            Subscription = new ReadOnlySequence<byte>(member.Subscription),
            Assignment = new ReadOnlySequence<byte>(member.Assignment),
        })],
    };

    private static GroupMetadata ToMetadata(RecordBytes bytes)
    {
        var reader = new WireReader(new ReadOnlySequence<byte>(bytes.Span.ToArray()));
        var value = GroupMetadataValue.Read(ref reader, reader.ReadInt16("value version"));
        return new GroupMetadata(
            value.ProtocolType,
            value.Generation,
            value.Protocol,
            value.Leader,
            value.CurrentStateTimestamp,
            [.. value.Members.Select(member => new RecordedMember(
                member.MemberId,
                member.GroupInstanceId,
                member.ClientId,
                member.ClientHost,
                member.RebalanceTimeout < 0 ? member.SessionTimeout : member.RebalanceTimeout,
                member.SessionTimeout,
                member.Subscription.ToArray(),
                member.Assignment.ToArray()))]);
    }
}
