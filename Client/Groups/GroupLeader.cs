using System.Buffers;
using System.Collections.Immutable;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Loire.Protocol.Wire;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>What of a topic an assignment depends on; the default where there is no such topic. One that was deleted and
/// created again is another one, which nobody reads yet.</summary>
internal readonly record struct TopicShape(Guid Id, int PartitionCount);

/// <summary>What the member that leads does for its group: shares out the partitions, and looks out for new ones.</summary>
internal sealed partial class GroupLeader(ClientContext context, GroupMember member)
{
    /// <returns>Each member's partitions, none where the group's assignment stands (KIP-814); and the topics that the group
    /// reads.</returns>
    public async Task<(ImmutableArray<GroupMemberAssignment> Assignments, IReadOnlyDictionary<TopicName, TopicShape> Topics)> AssignAsync(
        GroupJoined joined, CancellationToken cancellationToken)
    {
        var subscribers = ReadSubscribers(joined);
        var topics = new Dictionary<TopicName, TopicShape>();
        foreach (var topic in subscribers.SelectMany(subscriber => subscriber.Subscription.Topics).Distinct())
            topics[topic] = await FindAsync(topic, cancellationToken);
        if (joined.SkipsAssignment)
            return ([], topics);
        var assignor = member.Options.Strategies.Select(strategy => strategy.ToAssignor()).First(known => known.Name == joined.Protocol);
        var assigned = assignor.Assign(
            subscribers, topics.ToDictionary(topic => topic.Key, topic => topic.Value.PartitionCount));
        return (
            [.. assigned.Select(entry => new GroupMemberAssignment(entry.Key, ConsumerProtocol.WriteAssignment(entry.Value)))],
            topics);
    }

    /// <param name="known">As <see cref="AssignAsync"/> found them.</param>
    public async Task<bool> HaveChangedAsync(IReadOnlyDictionary<TopicName, TopicShape> known, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var (topic, shape) in known)
            {
                if (await FindAsync(topic, cancellationToken) != shape)
                    return true;
            }
        }
        catch (Exception exception) when (Failures.MayPass(exception))
        {
            LogUnchecked(context.Logger, exception, member.GroupId);
        }
        return false;
    }

    private List<Subscriber> ReadSubscribers(GroupJoined joined)
    {
        var subscribers = new List<Subscriber>();
        foreach (var other in joined.Members)
        {
            try
            {
                var subscription = ConsumerProtocol.ReadSubscription(new ReadOnlySequence<byte>(other.Metadata));
                subscribers.Add(new Subscriber(other.MemberId, other.InstanceId, subscription));
            }
            catch (WireFormatException exception)
            {
                LogUnreadable(context.Logger, exception, member.GroupId, other.MemberId);
            }
        }
        return subscribers;
    }

    private async Task<TopicShape> FindAsync(TopicName topic, CancellationToken cancellationToken) =>
        await context.Topics.RefreshAsync(topic.Value, cancellationToken) is { } found
            ? new TopicShape(found.Id, found.Partitions.Length)
            : default;

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Group '{Group}': the subscription of member {Member} cannot be read; it gets no partition")]
    private static partial void LogUnreadable(ILogger logger, Exception exception, string group, string member);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Group '{Group}': whether its topics have new partitions could not be asked; that is repeated")]
    private static partial void LogUnchecked(ILogger logger, Exception exception, string group);
}
