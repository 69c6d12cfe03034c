namespace Loire.Broker.Lifetime;

/// <summary>The parts that something is put together from, in the order in which they depend on each other. They are taken
/// apart in the reverse one; whichever fails, those before it are closed all the same. Not thread-safe.</summary>
public sealed class OwnedParts : IAsyncDisposable
{
    private readonly Stack<IAsyncDisposable> _parts = new();

    public T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Push(part);
        return part;
    }

    /// <exception cref="Exception">What the last part that failed threw.</exception>
    public async ValueTask DisposeAsync()
    {
        if (!_parts.TryPop(out var part)) return;
        try
        {
            await part.DisposeAsync();
        }
        finally
        {
            await DisposeAsync();
        }
    }
}
