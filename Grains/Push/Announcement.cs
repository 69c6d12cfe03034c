using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Grains.Push;

/// <summary>News on their way to the live brokers.</summary>
/// <param name="Brokers">Each with a task that says whether it learned them, or is dead.</param>
internal sealed record Announcement(
    ImmutableArray<(NodeId Broker, Task<bool> Learned)> Brokers, TimeProvider Time)
{
    /// <summary>A client that is answered now is to find the same at every broker; one that is slow must not hold it up for
    /// longer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Waits until all live brokers have learned the news, for a second at most.</summary>
    /// <returns>Those that have.</returns>
    public async Task<ImmutableArray<NodeId>> WaitAsync()
    {
        var all = Task.WhenAll(Brokers.Select(broker => broker.Learned));
        try
        {
            await all.WaitAsync(Patience, Time);
        }
        catch (TimeoutException)
        {
            // They are told until they have learned it or are dead.
        }

        return
        [
            .. Brokers.Where(broker => broker.Learned is { IsCompletedSuccessfully: true, Result: true })
                .Select(broker => broker.Broker),
        ];
    }
}
