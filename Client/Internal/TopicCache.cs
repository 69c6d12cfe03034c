using System.Collections.Concurrent;
using Loire.Grains.Interfaces;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>Topics as their controllers described them lately. Where a partition is led is no business of a client: a call
/// to its grain finds the way.</summary>
internal sealed partial class TopicCache(ClientContext context)
{
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Entry> _topics = new(StringComparer.Ordinal);

    /// <summary>What is known; asks for news in the background where that is old.</summary>
    /// <returns>Null where nothing is known.</returns>
    public TopicDescription? TryGet(string topic)
    {
        if (!_topics.TryGetValue(topic, out var entry))
            return null;
        if (context.Time.GetElapsedTime(entry.ReadTimestamp) >= FreshFor && entry.TryStartRefresh())
            _ = RefreshInBackgroundAsync(topic);
        return entry.Topic;
    }

    /// <summary>From the cache, or from the topic's controller.</summary>
    /// <returns>Null where there is no such topic.</returns>
    public async ValueTask<TopicDescription?> FindAsync(string topic, CancellationToken cancellationToken) =>
        TryGet(topic) ?? await RefreshAsync(topic, cancellationToken);

    /// <summary>From the topic's controller.</summary>
    /// <returns>Null where there is no such topic.</returns>
    public async Task<TopicDescription?> RefreshAsync(string topic, CancellationToken cancellationToken)
    {
        var read = await Retry.RunAsync(
            context, $"Describing topic '{topic}'", () => context.Grains.Topic(topic).DescribeAsync(), cancellationToken);
        if (read is null)
            _topics.TryRemove(topic, out _);
        else
            _topics[topic] = new Entry(read, context.Time.GetTimestamp());
        return read;
    }

    private async Task RefreshInBackgroundAsync(string topic)
    {
        try
        {
            await Background.RunAsync(() => RefreshAsync(topic, CancellationToken.None));
        }
        catch (Exception exception)
        {
            LogStale(context.Logger, exception, topic);
            if (_topics.TryGetValue(topic, out var entry))
                _topics.TryUpdate(topic, entry.AsOf(context.Time.GetTimestamp()), entry);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Topic '{Topic}' could not be described anew; what was known stays in use")]
    private static partial void LogStale(ILogger logger, Exception exception, string topic);

    private sealed class Entry(TopicDescription topic, long readTimestamp)
    {
        private int _isRefreshing;

        public TopicDescription Topic { get; } = topic;
        public long ReadTimestamp { get; } = readTimestamp;

        public bool TryStartRefresh() => Interlocked.Exchange(ref _isRefreshing, 1) == 0;

        public Entry AsOf(long timestamp) => new(Topic, timestamp);
    }
}
