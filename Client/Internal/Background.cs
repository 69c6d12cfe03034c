namespace Loire.Client;

internal static class Background
{
    /// <summary>Starts work of the client's own: on the thread pool, not on the scheduler of the grain that happens to call,
    /// and without the caller's request context and span.</summary>
    public static Task RunAsync(Func<Task> work)
    {
        if (ExecutionContext.IsFlowSuppressed())
            return Task.Run(work);
        using (ExecutionContext.SuppressFlow())
            return Task.Run(work);
    }
}
