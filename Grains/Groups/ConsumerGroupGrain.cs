using System.Collections.Immutable;
using Loire.Broker.Groups;
using Loire.Broker.Handlers;
using Loire.Broker.Ports;
using Loire.Grains.Interfaces;
using Loire.Grains.Placement;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Orleans.Concurrency;

namespace Loire.Grains.Groups;

/// <summary>Reaches the local coordinator of a group for Orleans callers; it decides nothing. Reentrant, for a join waits
/// for the other members.</summary>
[GrainType(GrainTypes.ConsumerGroupName), Reentrant, LeaderPlacement]
internal sealed class ConsumerGroupGrain(IGroupCoordinators coordinators, ITopicCatalog catalog) : Grain, IConsumerGroupGrain
{
    private const string ClientHost = "orleans";

    private readonly CancellationTokenSource _deactivated = new();

    private GroupId Group => new(this.GetPrimaryKeyString());

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        await _deactivated.CancelAsync();

    public async Task<GroupJoined> JoinAsync(GroupJoin join)
    {
        var reply = await AskAsync<JoinGroupReply>(replyTo => new JoinGroupCommand(
            Group,
            join.MemberId,
            join.InstanceId,
            join.ClientId,
            ClientHost,
            join.SessionTimeoutMs,
            join.RebalanceTimeoutMs,
            ConsumerProtocol.Type,
            [.. join.Protocols.Select(protocol => new MemberProtocol(protocol.Name, protocol.Metadata.ToArray()))],
            Reason: null,
            RequireMemberId: true,
            CanSkipAssignment: true,
            Guid.NewGuid(),
            replyTo));
        return new GroupJoined(
            Told(reply.Error),
            reply.Generation,
            reply.ProtocolName ?? "",
            reply.Leader,
            reply.MemberId,
            [.. reply.Members.Select(member => new GroupMemberSubscription(member.MemberId, member.InstanceId, member.Metadata))],
            reply.SkipAssignment);
    }

    public async Task<GroupSynced> SyncAsync(GroupSync sync)
    {
        var assignments = sync.Assignments.ToDictionary(
            member => member.MemberId, member => member.Assignment.ToArray(), StringComparer.Ordinal);
        var reply = await AskAsync<SyncGroupReply>(replyTo => new SyncGroupCommand(
            Group,
            sync.Member.MemberId,
            sync.Member.InstanceId,
            sync.Member.Generation,
            ConsumerProtocol.Type,
            ProtocolName: null,
            assignments,
            replyTo));
        return new GroupSynced(Told(reply.Error), reply.Assignment);
    }

    public async Task<short> HeartbeatAsync(GroupMembership member) => Told(await AskAsync<ErrorCode>(
        replyTo => new HeartbeatCommand(Group, member.MemberId, member.InstanceId, member.Generation, replyTo)));

    public async Task<short> LeaveAsync(string memberId)
    {
        var reply = await AskAsync<LeaveGroupReply>(replyTo => new LeaveGroupCommand(
            Group, [new LeavingMember(memberId, InstanceId: null, Reason: null)], replyTo));
        return Told(reply.Error == ErrorCode.None ? reply.Members[0] : reply.Error);
    }

    public async Task<ImmutableArray<short>> CommitAsync(GroupMembership member, ImmutableArray<GroupOffset> offsets)
    {
        var metadata = catalog.Current;
        var known = offsets.Select(offset => Find(metadata, offset)).ToArray();
        var errors = known.Any(topic => topic is not null)
            ? await AskAsync<IReadOnlyList<ErrorCode>>(replyTo => new OffsetCommitCommand(
                Group,
                member.MemberId,
                member.InstanceId,
                member.Generation,
                KnowsGroupIdNotFound: true,
                RetentionMs: null,
                [.. offsets.Zip(known).Where(pair => pair.Second is not null).Select(pair => ToCommit(pair.First, pair.Second!))],
                replyTo))
            : [];
        var answered = 0;
        return [.. offsets.Zip(known, (offset, topic) =>
            topic is not null ? Told(errors[answered++])
            : offset.TopicId == Guid.Empty ? (short)ErrorCode.UnknownTopicOrPartition
            : (short)ErrorCode.UnknownTopicId)];
    }

    public async Task<ImmutableArray<GroupOffset>> GetOffsetsAsync(ImmutableArray<GroupPartition> partitions)
    {
        var offsets = await FetchAsync([.. partitions.Select(partition => new TopicPartition(
            new TopicName(partition.Topic), new PartitionIndex(partition.Partition)))]);
        var metadata = catalog.Current;
        return [.. offsets.Select(offset => ToGroupOffset(metadata, offset))];
    }

    public async Task<ImmutableArray<GroupOffset>> GetAllOffsetsAsync()
    {
        var offsets = await FetchAsync(partitions: null);
        var metadata = catalog.Current;
        return
        [
            .. offsets.Select(offset => ToGroupOffset(metadata, offset))
                .Where(offset => offset.Offset >= 0 && Find(metadata, offset) is not null),
        ];
    }

    public async Task<short> DeleteAsync() =>
        Told(await AskAsync<ErrorCode>(replyTo => new DeleteGroupCommand(Group, replyTo)));

    public async Task<GroupDescription?> DescribeAsync()
    {
        var (error, coordinator) = await FindAsync();
        DescribedGroup? group = null;
        if (coordinator is not null) (error, group) = coordinator.Describe(Group);
        if (Told(error) != (short)ErrorCode.None)
        {
            throw new LoireException((short)error, $"Group '{Group}' cannot be described now: {error}.");
        }

        return group is null
            ? null
            : new GroupDescription(group.State, group.ProtocolName, [.. group.Members.Select(member => member.MemberId)]);
    }

    /// <returns>The topic that an offset is of; null where that is not known here, or has no such partition.</returns>
    private static TopicMetadata? Find(MetadataSnapshot metadata, GroupOffset offset) =>
        metadata.Find(new TopicName(offset.Topic)) is { } topic
        && (offset.TopicId == Guid.Empty || offset.TopicId == topic.Id.Value)
        && (uint)offset.Partition < (uint)topic.Partitions.Length
            ? topic
            : null;

    /// <summary>An offset committed for a topic's predecessor of the same name is none of this one's.</summary>
    private static GroupOffset ToGroupOffset(MetadataSnapshot metadata, FetchedOffset fetched)
    {
        var (topic, partition) = (fetched.Partition.Topic, fetched.Partition.Partition.Value);
        if (fetched.Value is not { } stored) return new(topic.Value, partition, -1, -1, "");
        var id = metadata.Find(topic)?.Id ?? TopicId.None;
        var isOfPredecessor = !id.IsNone && !stored.TopicId.IsNone && stored.TopicId != id;
        return new(
            topic.Value,
            partition,
            isOfPredecessor ? -1 : stored.Offset.Value,
            isOfPredecessor ? -1 : stored.LeaderEpoch.Value,
            stored.Metadata,
            stored.TopicId.Value);
    }

    private static OffsetToCommit ToCommit(GroupOffset offset, TopicMetadata topic) => new(
        new TopicPartition(topic.Name, new PartitionIndex(offset.Partition)),
        topic.Id,
        new Offset(offset.Offset),
        new LeaderEpoch(offset.LeaderEpoch),
        offset.Metadata);

    /// <param name="partitions">Null for all.</param>
    private async Task<IReadOnlyList<FetchedOffset>> FetchAsync(IReadOnlyList<TopicPartition>? partitions)
    {
        var reply = await AskAsync<OffsetFetchReply>(
            replyTo => new OffsetFetchCommand(Group, partitions, RequireStable: false, replyTo));
        return Told(reply.Error) == (short)ErrorCode.None
            ? reply.Offsets
            : throw new LoireException((short)reply.Error, $"The offsets of group '{Group}' cannot be read now: {reply.Error}.");
    }

    /// <summary>Where this broker does not coordinate the group, the grain moves to who does. It moves rather than just goes
    /// away: who has its old address would call it back to life here.</summary>
    private short Told(ErrorCode error)
    {
        if (error is ErrorCode.NotCoordinator or ErrorCode.CoordinatorNotAvailable) MigrateOnIdle();
        return (short)error;
    }

    /// <summary>The first group of a cluster makes __consumer_offsets.</summary>
    private async Task<GroupCoordinatorLookup> FindAsync()
    {
        var found = coordinators.Find(Group);
        if (found.Coordinator is not null) return found;
        await coordinators.LocateAsync(Group, _deactivated.Token);
        return coordinators.Find(Group);
    }

    private async Task<TReply> AskAsync<TReply>(Func<IReplyTo<TReply>, GroupCommand> command)
    {
        await FindAsync();
        return await coordinators.AskAsync(Group, command, _deactivated.Token);
    }
}
