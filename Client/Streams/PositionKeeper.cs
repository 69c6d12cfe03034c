using Loire.Grains.Interfaces;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>Keeps a queue's delivered position in the provider's consumer group, and with it which life of the log it belongs
/// to. It moves back only where the log begins anew.</summary>
internal sealed partial class PositionKeeper(StreamContext context, string topic, int partition)
{
    private long _kept = -1;
    private long _keptTimestamp;
    private Task _keeping = Task.CompletedTask;

    /// <summary>Whether the kept position was read.</summary>
    public bool IsKnown => _kept >= 0;

    /// <summary>Once it <see cref="IsKnown"/>.</summary>
    public LogLife Life { get; private set; }

    private IConsumerGroupGrain Group => context.Client.Grains.Group(context.GroupId);

    /// <summary>Where to start.</summary>
    public async Task<long> FindAsync(Guid topicId, CancellationToken cancellationToken)
    {
        var offsets = await Retry.RunAsync(
            context.Client,
            $"Reading the positions of streams '{context.ProviderName}'",
            () => Group.GetOffsetsAsync([new GroupPartition(topic, partition)]),
            cancellationToken);
        var life = LogLife.Parse(offsets[0].Metadata);
        if (offsets[0].Offset < 0 || (life is { } other && other.TopicId != topicId))
            return await RestartAsync(new LogLife(topicId, 0), isNewTopic: life is not null, cancellationToken);
        Life = life ?? new LogLife(topicId, 0);
        return _kept = offsets[0].Offset;
    }

    /// <summary>Forgets the position: the offsets do not mean the same records any more.</summary>
    /// <param name="isNewTopic">Everything in it was written since the last one was read: nothing is to be missed.</param>
    /// <returns>Where to start.</returns>
    public async Task<long> RestartAsync(LogLife life, bool isNewTopic, CancellationToken cancellationToken)
    {
        await _keeping.WaitAsync(cancellationToken);
        var range = await PartitionQueries.GetOffsetsAsync(context.Client, topic, partition, cancellationToken);
        var isAtEnd = context.Options.StartAt == OffsetReset.Latest && !isNewTopic;
        var start = isAtEnd ? range.LastStableOffset : range.LogStartOffset;
        // Kept at once: what comes before the first delivery is not to be lost with this silo.
        await CommitAsync(start, life, cancellationToken);
        Life = life;
        return start;
    }

    /// <summary>Starts to keep a position when the last time is long enough ago; reading goes on meanwhile.</summary>
    public void Keep(long offset)
    {
        if (_keeping.IsCompleted && context.Client.Time.GetElapsedTime(_keptTimestamp) >= context.Options.CommitInterval)
            _keeping = TryCommitAsync(offset, CancellationToken.None);
    }

    public async Task KeepNowAsync(long offset, CancellationToken cancellationToken)
    {
        await _keeping.WaitAsync(cancellationToken);
        await TryCommitAsync(offset, cancellationToken);
    }

    private async Task TryCommitAsync(long offset, CancellationToken cancellationToken)
    {
        if (!IsKnown || offset <= _kept)
            return;
        _keptTimestamp = context.Client.Time.GetTimestamp();
        try
        {
            await CommitAsync(offset, Life, cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            LogNotKept(context.Client.Logger, exception, context.ProviderName, topic, partition, offset);
        }
    }

    private async Task CommitAsync(long offset, LogLife life, CancellationToken cancellationToken)
    {
        GroupOffset position = new(topic, partition, offset, -1, life.ToString(), life.TopicId);
        var errors = await Group.CommitAsync(GroupMembership.None, [position]).WaitAsync(cancellationToken);
        if (errors[0] != 0)
            throw ((ErrorCode)errors[0]).ToException($"Keeping the position of streams '{context.ProviderName}'");
        _kept = offset;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Streams '{Provider}': position {Offset} of {Topic}-{Partition} could not be kept; after a restart more is delivered twice")]
    private static partial void LogNotKept(
        ILogger logger, Exception exception, string provider, string topic, int partition, long offset);
}
