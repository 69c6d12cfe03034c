using System.Collections.Immutable;
using Loire.Cluster;
using Microsoft.Extensions.Logging;

namespace Loire.Grains.Push;

/// <summary>Tells one broker what it is to learn, one parcel at a time; what comes meanwhile shares the next one. A parcel
/// that does not arrive is sent again, with newer records in the place of older ones, until the broker is dead.</summary>
/// <param name="name">For people.</param>
/// <param name="isLive">Whether the broker may still come to answer.</param>
internal sealed partial class PushTarget(
    string name,
    Func<ImmutableArray<TopicRecord>, ClusterRecord?, Task> send,
    Func<bool> isLive,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>A call carries no more, so that it does not hold up others for long.</summary>
    private const int MaxTopics = 500;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private Parcel _next = new();
    private bool _isSending;

    /// <returns>Completes when the broker has learned it, or something newer; with false when it is dead.</returns>
    public Task<bool> Add(Action<Parcel> news)
    {
        lock (_lock)
        {
            news(_next);
            if (!_isSending)
            {
                _isSending = true;

                // Outside the turn of the grain that brings the news.
                _ = Task.Run(SendAllAsync);
            }

            return _next.Learned;
        }
    }

    private async Task SendAllAsync()
    {
        var delay = FirstDelay;
        while (TakeNext() is { } parcel)
        {
            try
            {
                await SendAsync(parcel);
                parcel.Complete(isLearned: true);
                delay = FirstDelay;
            }
            catch (Exception failure)
            {
                if (!isLive())
                {
                    parcel.Complete(isLearned: false);
                    continue;
                }

                LogNotLearned(logger, name, failure.Message);
                lock (_lock) _next.Add(parcel);
                await Task.Delay(delay, time);
                delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
            }
        }
    }

    private async Task SendAsync(Parcel parcel)
    {
        var topics = parcel.Topics;
        var cluster = parcel.Cluster;
        do
        {
            var count = Math.Min(topics.Length, MaxTopics);
            await send(topics[..count], cluster);
            topics = topics[count..];
            cluster = null;
        }
        while (!topics.IsEmpty);
    }

    private Parcel? TakeNext()
    {
        lock (_lock)
        {
            if (_next.IsEmpty)
            {
                _isSending = false;
                return null;
            }

            var parcel = _next;
            _next = new Parcel();
            return parcel;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Broker} did not take in what it was told, it is told again: {Reason}")]
    private static partial void LogNotLearned(ILogger logger, string broker, string reason);
}
