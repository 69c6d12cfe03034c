namespace Loire.Simulation.World;

/// <summary>Lets what real code awaits go on as events of the loop: in the one thread, in the order in which it was let
/// go.</summary>
internal sealed class LoopContext(EventLoop loop) : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state) => loop.After(0, () => d(state));
}

internal static class Awaiting
{
    /// <summary>Goes on with the result: at once where it is there, else as an event of the loop, which then throws what
    /// failed.</summary>
    public static void Then<T>(this ValueTask<T> task, Action<T> next)
    {
        var awaiter = task.GetAwaiter();
        if (awaiter.IsCompleted) next(awaiter.GetResult());
        else awaiter.OnCompleted(() => next(awaiter.GetResult()));
    }
}
