using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Control;
using Loire.Broker.Topics;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>The controllers of a cluster, their storage and its membership in memory: decisions by the real core, taken by
/// compare-and-set, and pushed to the views of the brokers that are up.</summary>
internal sealed class InMemoryControllers
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TopicName, TopicRecord> _topics = [];
    private readonly Dictionary<NodeId, IClusterLearner> _learners = [];
    private readonly HashSet<TopicName> _unlisted = [];
    private ClusterRecord _cluster = ClusterRecord.Unknown with { ClusterId = "in-memory", Version = 0 };
    private ImmutableArray<NodeId> _live = [];
    private long _nextProducerId;

    public ConfigLayers Configs { get; init; } = ConfigLayers.FromHost([]);

    public BrokerStatuses Statuses
    {
        get
        {
            lock (_lock)
            {
                return new(_live, [.. _cluster.Brokers.Where(broker => broker.IsDraining).Select(broker => broker.Endpoint.Node)]);
            }
        }
    }

    public ClusterRecord Cluster
    {
        get
        {
            lock (_lock) return _cluster;
        }
    }

    public ImmutableArray<TopicName> Names
    {
        get
        {
            lock (_lock) return [.. _topics.Keys.Except(_unlisted)];
        }
    }

    public IReadOnlyList<IClusterLearner> Learners
    {
        get
        {
            lock (_lock) return [.. _learners.Values];
        }
    }

    public TopicRecord? Find(TopicName topic)
    {
        lock (_lock) return _topics.GetValueOrDefault(topic);
    }

    /// <summary>As if the topic had never been.</summary>
    public void Forget(TopicName topic)
    {
        lock (_lock) _topics.Remove(topic);
    }

    /// <summary>As when every broker has heard of the topic's deletion.</summary>
    public void Unlist(TopicName topic)
    {
        lock (_lock) _unlisted.Add(topic);
    }

    /// <summary>A broker is seen, or no longer seen: then news does not reach it either.</summary>
    public void SetLive(NodeId node, IClusterLearner? learner)
    {
        lock (_lock)
        {
            _learners.Remove(node);
            if (learner is not null) _learners.Add(node, learner);
            _live = [.. _learners.Keys.OrderBy(live => live.Value)];
        }

        foreach (var known in Learners) known.Learn(_live);
    }

    public ClusterRecord Change(Func<ClusterRecord, ClusterRecord> decide)
    {
        while (true)
        {
            var before = Cluster;
            var after = decide(before);
            if (ReferenceEquals(before, after)) return before;
            after = after with { Version = before.Version + 1 };
            lock (_lock)
            {
                if (!ReferenceEquals(_cluster, before)) continue;
                _cluster = after;
            }

            foreach (var learner in Learners) learner.Learn(after);
            return after;
        }
    }

    /// <param name="decide">Gives the topic to be, or the same one.</param>
    public TopicRecord Change(TopicName name, Func<TopicRecord?, TopicRecord> decide)
    {
        while (true)
        {
            var before = Find(name);
            var after = decide(before);
            if (ReferenceEquals(before, after)) return after;
            after = after with { Version = (before?.Version ?? 0) + 1 };
            lock (_lock)
            {
                if (!ReferenceEquals(_topics.GetValueOrDefault(name), before)) continue;
                _topics[name] = after;
            }

            foreach (var learner in Learners) learner.Learn(after);
            return after;
        }
    }

    public long ReserveProducerIds(int count) => Interlocked.Add(ref _nextProducerId, count) - count;

    public ImmutableArray<PlacementBroker> Placeable()
    {
        var statuses = Statuses;
        return
        [
            .. Cluster.Brokers.Select(broker => new PlacementBroker(
                broker.Endpoint.Node, broker.Endpoint.Rack, statuses.IsLive(broker.Endpoint.Node))),
        ];
    }
}
