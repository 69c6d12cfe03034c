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
        var known = offsets.Select(offset => Exists(metadata, offset)).ToArray();
        var errors = known.Contains(true)
            ? await AskAsync<IReadOnlyList<ErrorCode>>(replyTo => new OffsetCommitCommand(
                Group,
                member.MemberId,
                member.InstanceId,
                member.Generation,
                KnowsGroupIdNotFound: true,
                RetentionMs: null,
                [.. offsets.Where((_, index) => known[index]).Select(ToCommit)],
                replyTo))
            : [];
        var answered = 0;
        return [.. known.Select(isKnown => isKnown ? Told(errors[answered++]) : (short)ErrorCode.UnknownTopicOrPartition)];
    }

    public async Task<ImmutableArray<GroupOffset>> GetOffsetsAsync(ImmutableArray<GroupPartition> partitions)
    {
        var offsets = await FetchAsync([.. partitions.Select(partition => new TopicPartition(
            new TopicName(partition.Topic), new PartitionIndex(partition.Partition)))]);
        return [.. offsets.Select(ToGroupOffset)];
    }

    public async Task<ImmutableArray<GroupOffset>> GetAllOffsetsAsync()
    {
        var metadata = catalog.Current;
        var offsets = (await FetchAsync(partitions: null)).Select(ToGroupOffset);
        return [.. offsets.Where(offset => Exists(metadata, offset))];
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

    private static bool Exists(MetadataSnapshot metadata, GroupOffset offset) =>
        metadata.Find(new TopicName(offset.Topic)) is { } topic && (uint)offset.Partition < (uint)topic.Partitions.Length;

    private static GroupOffset ToGroupOffset(FetchedOffset offset) => new(
        offset.Partition.Topic.Value,
        offset.Partition.Partition.Value,
        offset.Value?.Offset.Value ?? -1,
        offset.Value?.LeaderEpoch.Value ?? -1,
        offset.Value?.Metadata ?? "");

    private static OffsetToCommit ToCommit(GroupOffset offset) => new(
        new TopicPartition(new TopicName(offset.Topic), new PartitionIndex(offset.Partition)),
        TopicId.None,
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
