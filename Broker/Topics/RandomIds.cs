using Loire.Protocol;

namespace Loire.Broker.Topics;

/// <summary>Random ids in Kafka's form: never one of the reserved ones, and their text never starts with a hyphen, which
/// command lines would take for an option.</summary>
public static class RandomIds
{
    private static readonly Guid MetadataTopic = new("00000000-0000-0000-0000-000000000001");

    public static TopicId NewTopicId()
    {
        while (true)
        {
            var id = new TopicId(Guid.NewGuid());
            if (id.Value != MetadataTopic && id.ToString()[0] != '-')
                return id;
        }
    }

    /// <summary>22 characters of URL-safe base64.</summary>
    public static string NewClusterId() => NewTopicId().ToString();
}
