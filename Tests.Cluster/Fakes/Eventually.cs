using Shouldly;

namespace Loire.Tests.Cluster.Fakes;

internal static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Waits until the condition holds; fails where it does not within a minute.</summary>
    public static async Task IsTrueAsync(Func<bool> condition, CancellationToken cancellationToken)
    {
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        for (var started = TimeProvider.System.GetTimestamp(); !condition();)
        {
            TimeProvider.System.GetElapsedTime(started).ShouldBeLessThan(Patience, "the condition does not come true");
            await poll.WaitForNextTickAsync(cancellationToken);
        }
    }
}
