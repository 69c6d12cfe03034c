using System.Buffers.Binary;
using System.Text;
using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>What the coordinator reads of the metadata that members of the "consumer" protocol type exchange: the topics
/// they subscribe to. Every version starts as version 0 does: version int16, topics as an array of strings.</summary>
internal static class ConsumerSubscription
{
    /// <returns>False where the bytes are something else: the subscription is then unknown.</returns>
    public static bool TryAddTopics(ReadOnlySpan<byte> metadata, HashSet<TopicName> topics)
    {
        if (metadata.Length < 6 || BinaryPrimitives.ReadInt16BigEndian(metadata) < 0)
            return false;
        var count = BinaryPrimitives.ReadInt32BigEndian(metadata[2..]);
        var rest = metadata[6..];
        for (var i = 0; i < count; i++)
        {
            if (rest.Length < 2)
                return false;
            var length = BinaryPrimitives.ReadInt16BigEndian(rest);
            if (length < 0 || rest.Length < 2 + length)
                return false;
            topics.Add(new TopicName(Encoding.UTF8.GetString(rest.Slice(2, length))));
            rest = rest[(2 + length)..];
        }
        return count >= 0;
    }
}
