namespace Loire.Client;

/// <summary>Says which partitions a consumer reads, as long as it reads.</summary>
internal interface IAssignment
{
    /// <summary>Runs until it is cancelled. Its failure ends the reading.</summary>
    Task RunAsync(ClientContext context, FetchQueue queue, CancellationToken cancellationToken);
}

internal sealed class FixedAssignment(PartitionStart[] partitions) : IAssignment
{
    public Task RunAsync(ClientContext context, FetchQueue queue, CancellationToken cancellationToken)
    {
        foreach (var partition in partitions)
            queue.Add(partition);
        return Task.CompletedTask;
    }
}

/// <summary>All partitions of a topic; those that it gets later are read from their beginning.</summary>
internal sealed class WholeTopicAssignment(string topic, StartPosition start) : IAssignment
{
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(30);

    public async Task RunAsync(ClientContext context, FetchQueue queue, CancellationToken cancellationToken)
    {
        var known = 0;
        while (true)
        {
            var description = await context.Topics.RefreshAsync(topic, cancellationToken) ?? throw Failures.UnknownTopic(topic);
            for (var i = known; i < description.Partitions.Length; i++)
                queue.Add(new PartitionStart(topic, i, known == 0 ? start : StartPosition.Beginning));
            known = description.Partitions.Length;
            await Task.Delay(CheckEvery, context.Time, cancellationToken);
        }
    }
}
