using System.Buffers;
using System.Collections.Immutable;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Loire.Protocol.Wire;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>What the member that leads does for its group: shares out the partitions, and looks out for new ones.</summary>
internal sealed partial class GroupLeader(ClientContext context, string groupId, GroupConsumerOptions options)
{
    /// <returns>Each member's partitions; and of the topics that the group reads how many partitions there are.</returns>
    public async Task<(ImmutableArray<GroupMemberAssignment> Assignments, IReadOnlyDictionary<TopicName, int> Topics)> AssignAsync(
        GroupJoined joined, CancellationToken cancellationToken)
    {
        var subscribers = ReadSubscribers(joined);
        var counts = new Dictionary<TopicName, int>();
        foreach (var topic in subscribers.SelectMany(subscriber => subscriber.Subscription.Topics).Distinct())
            counts[topic] = await CountPartitionsAsync(topic, cancellationToken);
        var assignor = options.Strategies.Select(strategy => strategy.ToAssignor()).First(known => known.Name == joined.Protocol);
        var assigned = assignor.Assign(subscribers, counts);
        return (
            [.. assigned.Select(entry => new GroupMemberAssignment(entry.Key, ConsumerProtocol.WriteAssignment(entry.Value)))],
            counts);
    }

    /// <param name="known">As <see cref="AssignAsync"/> found them.</param>
    public async Task<bool> HaveChangedAsync(IReadOnlyDictionary<TopicName, int> known, CancellationToken cancellationToken)
    {
        foreach (var (topic, count) in known)
        {
            if (await CountPartitionsAsync(topic, cancellationToken) != count)
                return true;
        }
        return false;
    }

    private List<Subscriber> ReadSubscribers(GroupJoined joined)
    {
        var subscribers = new List<Subscriber>();
        foreach (var member in joined.Members)
        {
            try
            {
                var subscription = ConsumerProtocol.ReadSubscription(new ReadOnlySequence<byte>(member.Metadata));
                subscribers.Add(new Subscriber(member.MemberId, member.InstanceId, subscription));
            }
            catch (WireFormatException exception)
            {
                LogUnreadable(context.Logger, exception, groupId, member.MemberId);
            }
        }
        return subscribers;
    }

    private async Task<int> CountPartitionsAsync(TopicName topic, CancellationToken cancellationToken) =>
        (await context.Topics.RefreshAsync(topic.Value, cancellationToken))?.Partitions.Length ?? 0;

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Group '{Group}': the subscription of member {Member} cannot be read; it gets no partition")]
    private static partial void LogUnreadable(ILogger logger, Exception exception, string group, string member);
}
