using Loire.Protocol.Messages;

namespace Loire.Protocol.Client;

/// <summary>What the last metadata answers said.</summary>
internal sealed class MetadataCache
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TopicName, MetadataResponse.MetadataResponseTopic> _topics = [];
    private Dictionary<NodeId, MetadataResponse.MetadataResponseBroker> _brokers = [];

    public NodeId Controller { get; private set; } = NodeId.None;

    /// <summary>Whether a broker ever answered.</summary>
    public bool HasBrokers => _brokers.Count > 0;

    public void Update(MetadataResponse response)
    {
        lock (_lock)
        {
            Controller = response.ControllerId;
            _brokers = response.Brokers.ToDictionary(broker => broker.NodeId);
            foreach (var topic in response.Topics)
            {
                if (topic.Name is not { } name)
                    continue;
                _topics.Remove(name);
                if (topic.ErrorCode == ErrorCode.None)
                {
                    topic.Partitions.Sort((a, b) => a.PartitionIndex.CompareTo(b.PartitionIndex));
                    _topics.Add(name, topic);
                }
            }
        }
    }

    public MetadataResponse.MetadataResponseTopic? Find(TopicName topic)
    {
        lock (_lock)
        {
            return _topics.GetValueOrDefault(topic);
        }
    }

    public MetadataResponse.MetadataResponseBroker? FindBroker(NodeId node)
    {
        lock (_lock)
        {
            return _brokers.GetValueOrDefault(node);
        }
    }

    /// <summary>Forgets the topics; the brokers' addresses stay, to ask again.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _topics.Clear();
        }
    }
}
