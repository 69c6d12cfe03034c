using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Protocol.Client;

/// <summary>The bytes that members of a group exchange: version int16, then the message. Written at version 0, which every
/// client reads; read at any.</summary>
public static class ConsumerProtocol
{
    private const short WrittenVersion = 0;
    private const short HighestVersion = 3;

    public static ReadOnlySequence<byte> WriteSubscription(IEnumerable<TopicName> topics) =>
        Write(new ConsumerProtocolSubscription { Topics = [.. topics.Select(topic => topic.Value)] });

    /// <exception cref="WireFormatException">The bytes are something else.</exception>
    public static IReadOnlyList<TopicName> ReadSubscription(in ReadOnlySequence<byte> bytes) =>
        [.. Read<ConsumerProtocolSubscription>(bytes).Topics.Select(topic => new TopicName(topic))];

    public static ReadOnlySequence<byte> WriteAssignment(IEnumerable<TopicPartition> partitions) =>
        Write(new ConsumerProtocolAssignment
        {
            AssignedPartitions =
            [
                .. partitions.GroupBy(partition => partition.Topic).Select(topic => new ConsumerProtocolAssignment.TopicPartition
                {
                    Topic = topic.Key,
                    Partitions = [.. topic.Select(partition => partition.Partition)],
                }),
            ],
        });

    /// <param name="bytes">None for no partition.</param>
    /// <exception cref="WireFormatException">The bytes are something else.</exception>
    public static IReadOnlyList<TopicPartition> ReadAssignment(in ReadOnlySequence<byte> bytes) => bytes.IsEmpty
        ? []
        : [
            .. Read<ConsumerProtocolAssignment>(bytes).AssignedPartitions.SelectMany(
                topic => topic.Partitions, (topic, partition) => new TopicPartition(topic.Topic, partition)),
        ];

    private static ReadOnlySequence<byte> Write(IMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        BinaryPrimitives.WriteInt16BigEndian(output.GetSpan(sizeof(short)), WrittenVersion);
        output.Advance(sizeof(short));
        var writer = new WireWriter(output);
        message.Write(ref writer, WrittenVersion);
        writer.Flush();
        return new ReadOnlySequence<byte>(output.WrittenMemory);
    }

    private static T Read<T>(in ReadOnlySequence<byte> bytes)
        where T : class, IMessage<T>
    {
        var reader = new WireReader(bytes);
        var version = reader.ReadInt16("version");
        // A newer version only adds fields at the end.
        return T.Read(ref reader, Math.Clamp(version, (short)0, HighestVersion));
    }
}
