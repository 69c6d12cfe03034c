using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Client;

/// <summary>The bytes that members of a group exchange, in Kafka's format: version int16, then the message. Written at
/// version 0, which every client reads; read at any.</summary>
internal static class ConsumerProtocol
{
    private const short WrittenVersion = 0;

    public static ReadOnlyMemory<byte> WriteSubscription(IEnumerable<string> topics) =>
        Write(new ConsumerProtocolSubscription { Topics = [.. topics] });

    /// <exception cref="WireFormatException">The bytes are something else.</exception>
    public static IReadOnlyList<string> ReadSubscription(ReadOnlyMemory<byte> bytes) =>
        Read<ConsumerProtocolSubscription>(bytes, highestVersion: 3).Topics;

    public static ReadOnlyMemory<byte> WriteAssignment(IEnumerable<TopicPartition> partitions) =>
        Write(new ConsumerProtocolAssignment
        {
            AssignedPartitions =
            [
                .. partitions.GroupBy(partition => partition.Topic).Select(topic => new ConsumerProtocolAssignment.TopicPartition
                {
                    Topic = new TopicName(topic.Key),
                    Partitions = [.. topic.Select(partition => new PartitionIndex(partition.Partition))],
                }),
            ],
        });

    /// <param name="bytes">None for no partition.</param>
    /// <exception cref="WireFormatException">The bytes are something else.</exception>
    public static IReadOnlyList<TopicPartition> ReadAssignment(ReadOnlyMemory<byte> bytes) => bytes.IsEmpty
        ? []
        : [
            .. Read<ConsumerProtocolAssignment>(bytes, highestVersion: 3).AssignedPartitions.SelectMany(topic =>
                topic.Partitions.Select(partition => new TopicPartition(topic.Topic.Value, partition.Value))),
        ];

    private static ReadOnlyMemory<byte> Write(IMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        BinaryPrimitives.WriteInt16BigEndian(output.GetSpan(sizeof(short)), WrittenVersion);
        output.Advance(sizeof(short));
        var writer = new WireWriter(output);
        message.Write(ref writer, WrittenVersion);
        writer.Flush();
        return output.WrittenMemory;
    }

    private static T Read<T>(ReadOnlyMemory<byte> bytes, short highestVersion)
        where T : class, IMessage<T>
    {
        var reader = new WireReader(new ReadOnlySequence<byte>(bytes));
        var version = reader.ReadInt16("version");
        // A newer version only adds fields at the end.
        return T.Read(ref reader, Math.Clamp(version, (short)0, highestVersion));
    }
}
