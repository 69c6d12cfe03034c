namespace Loire.Client;

/// <summary>One enumeration of a consumer: its queue, and the assignment that feeds it.</summary>
internal sealed class Reading : IAsyncDisposable
{
    private readonly FetchQueue _queue;
    private readonly CancellationTokenSource _stop;
    private readonly Task _assigning;

    public Reading(FetchQueue queue, IAssignment assignment, CancellationToken cancellationToken)
    {
        _queue = queue;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _assigning = Background.RunAsync(() => AssignAsync(assignment));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _assigning;
        await _queue.DisposeAsync();
        _stop.Dispose();
    }

    private async Task AssignAsync(IAssignment assignment)
    {
        try
        {
            await assignment.RunAsync(_stop.Token);
        }
        catch (Exception exception)
        {
            // Nobody sees a cancellation here: who cancels does not read on.
            _queue.Fail(exception);
        }
    }
}
