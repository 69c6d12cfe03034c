using System.Threading.Channels;

namespace Loire.Cluster;

/// <summary>Wakes a loop when there may be something to do. What comes while it is busy wakes it once more, however often. One
/// waits at a time.</summary>
internal sealed class WakeSignal
{
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public void Wake() => _wakes.Writer.TryWrite(true);

    /// <returns>True, once it was woken.</returns>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _wakes.Reader.ReadAsync(cancellationToken);
}
