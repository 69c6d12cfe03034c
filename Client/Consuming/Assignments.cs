using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>Says which partitions a consumer reads, as long as it reads.</summary>
internal interface IAssignment
{
    /// <summary>Runs until it is cancelled. Its failure ends the reading.</summary>
    Task RunAsync(CancellationToken cancellationToken);
}

internal sealed class FixedAssignment(FetchQueue queue, PartitionStart[] partitions) : IAssignment
{
    public Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var partition in partitions)
            queue.Add(partition);
        return Task.CompletedTask;
    }
}

/// <summary>All partitions of a topic; those that it gets later are read from their beginning.</summary>
internal sealed partial class WholeTopicAssignment(ClientContext context, FetchQueue queue, string topic, StartPosition start)
    : IAssignment
{
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(30);

    private int _known;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await CheckAsync(cancellationToken);
            }
            catch (Exception exception) when (Failures.MayPass(exception))
            {
                LogUnchecked(context.Logger, exception, topic);
            }
            await Task.Delay(CheckEvery, context.Time, cancellationToken);
        }
    }

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        var description = await context.Topics.RefreshAsync(topic, cancellationToken) ?? throw Failures.UnknownTopic(topic);
        for (var from = _known == 0 ? start : StartPosition.Beginning; _known < description.Partitions.Length; _known++)
            queue.Add(new PartitionStart(topic, _known, from));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Reading '{Topic}': its partitions could not be asked for; that is repeated, and those that are known are read")]
    private static partial void LogUnchecked(ILogger logger, Exception exception, string topic);
}
