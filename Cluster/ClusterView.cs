using System.Collections.Immutable;
using System.Threading.Channels;
using Loire.Broker.Control;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster;

/// <summary>What this broker knows of the cluster. Each fact is replaced only by a newer one; readers see immutable
/// snapshots. One loop tells the listeners: where a topic changes faster than they take it in, they are told of its
/// newest state only.</summary>
public sealed partial class ClusterView : IClusterView, IClusterLearner, IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly ILogger _logger;

    /// <summary>What the loop is to do next.</summary>
    private readonly Channel<Action> _news = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>The loop's alone.</summary>
    private readonly Dictionary<TopicName, long> _toldVersions = [];
    private readonly Task _telling;
    private volatile Knowledge _known = Knowledge.Nothing;
    private ImmutableArray<IClusterListener> _listeners = [];

    public ClusterView(ILogger<ClusterView> logger)
    {
        _logger = logger;
        _telling = Task.Run(TellAsync);
    }

    /// <inheritdoc/>
    public ClusterRecord Cluster => _known.Cluster;

    /// <inheritdoc/>
    public BrokerStatuses Statuses => _known.Statuses;

    /// <inheritdoc/>
    public ImmutableArray<TopicRecord> Topics => [.. _known.Topics.Values];

    /// <inheritdoc/>
    public TopicRecord? Find(TopicName topic) => _known.Topics.GetValueOrDefault(topic);

    /// <summary>From now on tells <paramref name="listener"/> what is learnt.</summary>
    public void Subscribe(IClusterListener listener) =>
        ImmutableInterlocked.Update(ref _listeners, listeners => listeners.Add(listener));

    /// <summary>Tells <paramref name="listener"/> no more. Completes when it is not being told of anything any
    /// longer.</summary>
    public Task UnsubscribeAsync(IClusterListener listener)
    {
        ImmutableInterlocked.Update(ref _listeners, listeners => listeners.Remove(listener));
        return ToldAsync();
    }

    /// <inheritdoc/>
    public void Learn(TopicRecord topic)
    {
        lock (_lock)
        {
            if (Find(topic.Name) is { } known && known.Version >= topic.Version) return;
            _known = _known with { Topics = _known.Topics.SetItem(topic.Name, topic) };
            _news.Writer.TryWrite(() => TellTopic(topic.Name));
        }
    }

    /// <inheritdoc/>
    public void Learn(ClusterRecord cluster)
    {
        lock (_lock)
        {
            if (Cluster.Version < cluster.Version) Replace(_known with { Cluster = cluster });
        }
    }

    /// <inheritdoc/>
    public void Learn(ImmutableArray<NodeId> live)
    {
        lock (_lock)
        {
            if (!live.SequenceEqual(_known.Live)) Replace(_known with { Live = live });
        }
    }

    /// <inheritdoc/>
    public Task ToldAsync()
    {
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_news.Writer.TryWrite(told.SetResult)) told.SetResult();
        return told.Task;
    }

    /// <summary>Tells the listeners of every known topic anew, for when they made of a record what they would not make of it
    /// now.</summary>
    public void TellTopicsAgain() => _news.Writer.TryWrite(() =>
    {
        _toldVersions.Clear();
        foreach (var topic in _known.Topics.Keys) TellTopic(topic);
    });

    /// <summary>Drops what is known of a deleted topic, unless there is a newer record of it by then. To be called when no
    /// broker is left that has to hear of the deletion. The listeners are told of it first.</summary>
    public void Forget(TopicRecord deleted) => _news.Writer.TryWrite(() =>
    {
        lock (_lock)
        {
            if (Find(deleted.Name)?.Version != deleted.Version) return;
            _known = _known with { Topics = _known.Topics.Remove(deleted.Name) };
        }

        _toldVersions.Remove(deleted.Name);
    });

    public async ValueTask DisposeAsync()
    {
        _news.Writer.TryComplete();
        await _telling;
    }

    private void Replace(Knowledge known)
    {
        ImmutableArray<NodeId> draining =
        [
            .. known.Cluster.Brokers.Where(broker => broker.IsDraining).Select(broker => broker.Endpoint.Node),
        ];
        _known = known with { Statuses = new BrokerStatuses(known.Live, draining) };
        _news.Writer.TryWrite(() => Tell(listener => listener.OnCluster(), topic: null));
    }

    private async Task TellAsync()
    {
        await foreach (var tell in _news.Reader.ReadAllAsync()) tell();
    }

    private void TellTopic(TopicName name)
    {
        if (Find(name) is not { } topic) return;
        if (_toldVersions.TryGetValue(name, out var told) && told == topic.Version) return;
        _toldVersions[name] = topic.Version;
        Tell(listener => listener.OnTopic(topic), name);
    }

    private void Tell(Action<IClusterListener> tell, TopicName? topic)
    {
        foreach (var listener in _listeners)
        {
            try
            {
                tell(listener);
            }
            catch (Exception failure)
            {
                LogListenerFailed(_logger, failure, listener.GetType().Name, topic);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Listener} failed to take in news of the cluster (topic: {Topic})")]
    private static partial void LogListenerFailed(ILogger logger, Exception failure, string listener, TopicName? topic);

    private sealed record Knowledge(
        ClusterRecord Cluster,
        ImmutableArray<NodeId> Live,
        BrokerStatuses Statuses,
        ImmutableDictionary<TopicName, TopicRecord> Topics)
    {
        public static readonly Knowledge Nothing = new(
            ClusterRecord.Unknown, [], new BrokerStatuses([], []), ImmutableDictionary<TopicName, TopicRecord>.Empty);
    }
}
