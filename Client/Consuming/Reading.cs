namespace Loire.Client;

/// <summary>One enumeration of a consumer: its queue, and the assignment that feeds it.</summary>
internal sealed class Reading : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly Task _assigning;

    public Reading(ClientContext context, IAssignment assignment, ConsumerOptions options, CancellationToken cancellationToken)
    {
        Queue = new FetchQueue(context, options);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _assigning = Background.RunAsync(() => AssignAsync(context, assignment));
    }

    public FetchQueue Queue { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _assigning;
        await Queue.DisposeAsync();
        _stop.Dispose();
    }

    private async Task AssignAsync(ClientContext context, IAssignment assignment)
    {
        try
        {
            await assignment.RunAsync(context, Queue, _stop.Token);
        }
        catch (Exception exception)
        {
            // Nobody sees a cancellation here: who cancels does not read on.
            Queue.Fail(exception);
        }
    }
}
