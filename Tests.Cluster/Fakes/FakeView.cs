using System.Collections.Concurrent;
using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>What a broker knows, without a broker.</summary>
internal sealed class FakeView : IClusterView, IClusterLearner
{
    private readonly ConcurrentDictionary<TopicName, TopicRecord> _topics = new();
    private readonly Lock _lock = new();
    private ImmutableArray<NodeId> _live = [];

    /// <summary>Called before a topic is taken in: may wait, or throw.</summary>
    public Action<TopicRecord> BeforeTopic { get; set; } = _ => { };

    /// <summary>The same before the cluster's record is.</summary>
    public Action<ClusterRecord> BeforeCluster { get; set; } = _ => { };

    public ClusterRecord Cluster { get; private set; } = new(
        "", -1, [], ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, string>>.Empty);

    public BrokerStatuses Statuses => new(
        _live, [.. Cluster.Brokers.Where(broker => broker.IsDraining).Select(broker => broker.Endpoint.Node)]);

    public ImmutableArray<TopicRecord> Topics => [.. _topics.Values];

    public TopicRecord? Find(TopicName topic) => _topics.GetValueOrDefault(topic);

    public void Learn(TopicRecord topic)
    {
        BeforeTopic(topic);
        _topics.AddOrUpdate(topic.Name, topic, (_, known) => known.Version < topic.Version ? topic : known);
    }

    public void Learn(ClusterRecord cluster)
    {
        BeforeCluster(cluster);
        lock (_lock)
        {
            if (Cluster.Version < cluster.Version) Cluster = cluster;
        }
    }

    public void Learn(ImmutableArray<NodeId> live)
    {
        lock (_lock) _live = live;
    }

    public Task ToldAsync() => Task.CompletedTask;
}
