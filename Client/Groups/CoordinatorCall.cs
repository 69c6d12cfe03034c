using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Groups;

namespace Loire.Client;

/// <summary>Waits for answers of a group's coordinator that come when others have come: no timeout tells whether it still
/// lives. It is where the group's partition of __consumer_offsets is led, so an election there tells.</summary>
internal sealed class CoordinatorCall(ClientContext context, string groupId)
{
    private const string Topic = "__consumer_offsets";

    /// <param name="limit">How long the answer may take where nothing is wrong.</param>
    /// <exception cref="LoireException">NOT_LEADER_OR_FOLLOWER: the group has another coordinator. What became of the call is
    /// not known.</exception>
    /// <exception cref="TimeoutException">The limit is over.</exception>
    public async Task<T> RunAsync<T>(Func<IConsumerGroupGrain, Task<T>> start, TimeSpan limit, CancellationToken cancellationToken)
    {
        // An election can only be told from the epoch before the call.
        await context.Topics.RefreshAsync(Topic, cancellationToken);
        return await LeaderCall
            .RunAsync(
                context,
                Topic,
                count => GroupPartitioner.PartitionOf(new GroupId(groupId), count).Value,
                usual: TimeSpan.Zero,
                limit,
                () => start(context.Grains.Group(groupId)))
            .WaitAsync(cancellationToken);
    }
}
