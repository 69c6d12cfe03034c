using System.Buffers;
using System.Buffers.Binary;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Protocol.Groups;

/// <summary>The bytes that the members of a group of consumers exchange: version int16, then the message. A version is as
/// its predecessor with fields added at the end, so each reader takes what it knows.</summary>
public static class ConsumerProtocol
{
    /// <summary>The protocol type under which consumers join.</summary>
    public const string Type = "consumer";

    private const short OldestVersion = 0;
    private const short VersionWithGeneration = 2;
    private const short HighestVersion = 3;

    /// <summary>At the oldest version that holds it. The generation is written a second time as user data, where members
    /// look for it who do not know its field (the Java client before 3.4).</summary>
    public static ReadOnlyMemory<byte> WriteSubscription(Subscription subscription)
    {
        var message = new ConsumerProtocolSubscription { Topics = [.. subscription.Topics.Select(topic => topic.Value)] };
        if (subscription.Owned is null)
            return Write(message, OldestVersion);
        foreach (var topic in subscription.Owned.GroupBy(partition => partition.Topic))
        {
            message.OwnedPartitions.Add(new ConsumerProtocolSubscription.TopicPartition
            {
                Topic = topic.Key,
                Partitions = [.. topic.Select(partition => partition.Partition)],
            });
        }
        var generation = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(generation, subscription.Generation);
        message.UserData = new ReadOnlySequence<byte>(generation);
        message.GenerationId = subscription.Generation;
        return Write(message, VersionWithGeneration);
    }

    /// <exception cref="WireFormatException">The bytes are something else.</exception>
    public static Subscription ReadSubscription(in ReadOnlySequence<byte> bytes)
    {
        var message = Read<ConsumerProtocolSubscription>(bytes, out var version);
        return new Subscription(
            [.. message.Topics.Select(topic => new TopicName(topic))],
            [
                .. message.OwnedPartitions.SelectMany(
                    topic => topic.Partitions, (topic, partition) => new TopicPartition(topic.Topic, partition)),
            ],
            version >= VersionWithGeneration ? message.GenerationId : ReadGeneration(message.UserData));
    }

    public static ReadOnlyMemory<byte> WriteAssignment(IEnumerable<TopicPartition> partitions) => Write(
        new ConsumerProtocolAssignment
        {
            AssignedPartitions =
            [
                .. partitions.GroupBy(partition => partition.Topic).Select(topic => new ConsumerProtocolAssignment.TopicPartition
                {
                    Topic = topic.Key,
                    Partitions = [.. topic.Select(partition => partition.Partition)],
                }),
            ],
        },
        OldestVersion);

    /// <param name="bytes">None for no partition.</param>
    /// <exception cref="WireFormatException">The bytes are something else.</exception>
    public static IReadOnlyList<TopicPartition> ReadAssignment(in ReadOnlySequence<byte> bytes) => bytes.IsEmpty
        ? []
        : [
            .. Read<ConsumerProtocolAssignment>(bytes, out _).AssignedPartitions.SelectMany(
                topic => topic.Partitions, (topic, partition) => new TopicPartition(topic.Topic, partition)),
        ];

    /// <summary>The sticky assignors' user data ends with the generation: all there is of the Java client's, behind the last
    /// assignment in librdkafka's.</summary>
    private static int ReadGeneration(in ReadOnlySequence<byte>? userData)
    {
        if (userData is not { Length: >= sizeof(int) } bytes)
            return -1;
        Span<byte> generation = stackalloc byte[sizeof(int)];
        bytes.Slice(bytes.Length - sizeof(int)).CopyTo(generation);
        return BinaryPrimitives.ReadInt32BigEndian(generation);
    }

    private static ReadOnlyMemory<byte> Write(IMessage message, short version)
    {
        var output = new ArrayBufferWriter<byte>();
        BinaryPrimitives.WriteInt16BigEndian(output.GetSpan(sizeof(short)), version);
        output.Advance(sizeof(short));
        var writer = new WireWriter(output);
        message.Write(ref writer, version);
        writer.Flush();
        return output.WrittenMemory;
    }

    private static T Read<T>(in ReadOnlySequence<byte> bytes, out short version)
        where T : class, IMessage<T>
    {
        var reader = new WireReader(bytes);
        version = Math.Clamp(reader.ReadInt16("version"), OldestVersion, HighestVersion);
        return T.Read(ref reader, version);
    }
}
