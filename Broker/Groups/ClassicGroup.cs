using Loire.Protocol;
using Loire.Protocol.Groups;

namespace Loire.Broker.Groups;

/// <summary>A group of the classic protocol: the leader among its members assigns, the coordinator keeps the members in
/// step.
/// <para>Two kinds of state meet here. <see cref="Recorded"/> and <see cref="Offsets"/> are durable: they are what the
/// committed part of the log says, and only <see cref="GroupCoordinatorCore"/>'s application of committed records changes
/// them. All else is live: it may be ahead of the log, and is lost with the coordinator.</para></summary>
internal sealed class ClassicGroup(GroupId id, long nowUnixMs)
{
    private readonly Dictionary<string, GroupMember> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _memberIdByInstance = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _membersByProtocol = new(StringComparer.Ordinal);
    private int _awaitingJoinCount;

    public GroupId Id { get; } = id;

    /// <summary>Durable: the last committed generation; null where there is none.</summary>
    public GroupMetadata? Recorded { get; set; }

    /// <summary>Durable: the committed offsets.</summary>
    public GroupOffsets Offsets { get; } = new();

    public GroupWrites Writes { get; } = new();

    public GroupState State { get; private set; }

    /// <summary>Null for a group that has not left its first state.</summary>
    public GroupState? PreviousState { get; private set; }

    /// <summary>When <see cref="State"/> was entered, in milliseconds since 1970; -1 unknown.</summary>
    public long StateTimestampMs { get; private set; } = nowUnixMs;
    public int Generation { get; private set; }

    /// <summary>Null for a group that only ever stored offsets.</summary>
    public string? ProtocolType { get; private set; }
    public string? ProtocolName { get; private set; }
    public string? LeaderId { get; private set; }

    /// <summary>Topics the members subscribe to; null where that is not known.</summary>
    public IReadOnlySet<TopicName>? SubscribedTopics { get; private set; }

    /// <summary>Members that were told an id and asked to join with it (KIP-394), with the time they have for it.</summary>
    public Dictionary<string, Deadline> PendingJoins { get; } = new(StringComparer.Ordinal);

    /// <summary>Members that have not yet asked for their assignment.</summary>
    public HashSet<string> PendingSyncs { get; } = new(StringComparer.Ordinal);

    /// <summary>Somebody joined since the delay of the first rebalance began: it may be prolonged.</summary>
    public bool NewMemberAdded { get; set; }

    /// <summary>How long the first rebalance may still be prolonged, and the delay it waits now.</summary>
    public (int DelayMs, int RemainingMs) InitialDelay { get; set; }

    /// <summary>The leader's assignment for this generation is on its way into the log: there is no second one.</summary>
    public bool IsAssignmentInFlight { get; set; }

    public Dictionary<string, GroupMember>.ValueCollection Members => _members.Values;
    public int MemberCount => _members.Count;
    public int AwaitingJoinCount => _awaitingJoinCount;
    public bool HasAllMembersJoined => _awaitingJoinCount == _members.Count && PendingJoins.Count == 0;
    public bool IsConsumerProtocol => ProtocolType == ConsumerProtocol.Type;
    public Deadline Join => field ??= new Deadline(DeadlineKind.Join, this);
    public Deadline Sync => field ??= new Deadline(DeadlineKind.Sync, this);

    /// <summary>Nothing in the log, nobody in it, nothing under way: it may be forgotten.</summary>
    public bool IsVoid =>
        Recorded is null && Offsets.Count == 0 && State == GroupState.Empty && PendingJoins.Count == 0 && Writes.IsIdle;

    /// <summary>Others may see it: it is more than the intention to store an offset.</summary>
    public bool IsVisible =>
        Recorded is not null || Offsets.Count > 0 || State != GroupState.Empty || PendingJoins.Count > 0;

    public int RebalanceTimeoutMs
    {
        get
        {
            var timeoutMs = 0;
            foreach (var member in _members.Values)
                timeoutMs = Math.Max(timeoutMs, member.RebalanceTimeoutMs);
            return timeoutMs;
        }
    }

    public bool IsSubscribedTo(TopicName topic) => SubscribedTopics?.Contains(topic) ?? IsConsumerProtocol;
    public GroupMember? Find(string memberId) => _members.GetValueOrDefault(memberId);
    public string? FindStatic(string instanceId) => _memberIdByInstance.GetValueOrDefault(instanceId);
    public bool IsLeader(string memberId) => LeaderId == memberId;

    /// <summary>NONE where the member is known and is the one that holds its instance id.</summary>
    public ErrorCode Validate(string memberId, string? instanceId)
    {
        if (instanceId is not null)
        {
            var holder = FindStatic(instanceId);
            if (holder is null)
                return ErrorCode.UnknownMemberId;
            if (holder != memberId)
                return ErrorCode.FencedInstanceId;
        }
        return _members.ContainsKey(memberId) ? ErrorCode.None : ErrorCode.UnknownMemberId;
    }

    public void Transition(GroupState state, long nowUnixMs)
    {
        PreviousState = State;
        State = state;
        StateTimestampMs = nowUnixMs;
    }

    public void Add(GroupMember member, string protocolType)
    {
        if (_members.Count == 0)
            ProtocolType = protocolType;
        if (member.InstanceId is not null)
            _memberIdByInstance.Add(member.InstanceId, member.MemberId);
        LeaderId ??= member.MemberId;
        _members.Add(member.MemberId, member);
        Count(member.Protocols, 1);
        if (PendingJoins.Remove(member.MemberId, out var pending))
            Deadlines.Cancel(pending);
    }

    /// <summary>Forgets a member, joined or not. The leader's place goes to another.</summary>
    public void Remove(string memberId)
    {
        if (_members.Remove(memberId, out var member))
        {
            AwaitJoin(member, null);
            Deadlines.Cancel(member.Session);
            Count(member.Protocols, -1);
            if (member.InstanceId is not null)
                _memberIdByInstance.Remove(member.InstanceId);
        }
        if (LeaderId == memberId)
            LeaderId = _members.Keys.FirstOrDefault();
        if (PendingJoins.Remove(memberId, out var pending))
            Deadlines.Cancel(pending);
        PendingSyncs.Remove(memberId);
    }

    /// <summary>Puts a new member in a static member's place: same instance, same assignment, same leadership.</summary>
    public void Replace(GroupMember old, GroupMember replacement)
    {
        var wasLeader = LeaderId == old.MemberId;
        var wasPendingSync = PendingSyncs.Contains(old.MemberId);
        replacement.Assignment = old.Assignment;
        Remove(old.MemberId);
        Add(replacement, ProtocolType!);
        if (wasLeader)
            LeaderId = replacement.MemberId;
        if (wasPendingSync)
            PendingSyncs.Add(replacement.MemberId);
    }

    public void Update(GroupMember member, IReadOnlyList<MemberProtocol> protocols)
    {
        Count(member.Protocols, -1);
        member.Protocols = protocols;
        Count(member.Protocols, 1);
    }

    /// <summary>Notes whom to answer when the join ends; null when it has been answered.</summary>
    public void AwaitJoin(GroupMember member, IReplyTo<JoinGroupReply>? replyTo)
    {
        _awaitingJoinCount += (replyTo is null ? 0 : 1) - (member.AwaitingJoin is null ? 0 : 1);
        member.AwaitingJoin = replyTo;
    }

    /// <summary>Whether every member would have a protocol in common with this one.</summary>
    public bool Supports(string protocolType, IReadOnlyList<MemberProtocol> protocols)
    {
        if (State == GroupState.Empty)
            return protocolType.Length > 0 && protocols.Count > 0;
        return protocolType == ProtocolType
            && protocols.Any(protocol => _membersByProtocol.GetValueOrDefault(protocol.Name) == _members.Count);
    }

    /// <summary>The protocol with the most votes: each member votes for the first of its own that all members have. Of
    /// equals the one voted for first wins.</summary>
    public string SelectProtocol()
    {
        var votes = new OrderedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var member in _members.Values)
        {
            var vote = member.Protocols.First(protocol => _membersByProtocol[protocol.Name] == _members.Count).Name;
            votes[vote] = votes.GetValueOrDefault(vote) + 1;
        }
        return votes.MaxBy(vote => vote.Value).Key;
    }

    /// <summary>Makes sure that the leader is one of those who joined.</summary>
    /// <returns>False where nobody has joined.</returns>
    public bool TryElectJoinedLeader()
    {
        if (LeaderId is null)
            return false;
        if (_members[LeaderId].AwaitingJoin is not null)
            return true;
        if (_members.Values.FirstOrDefault(member => member.AwaitingJoin is not null) is not { } joined)
            return false;
        LeaderId = joined.MemberId;
        return true;
    }

    public void StartGeneration(long nowUnixMs)
    {
        Generation++;
        IsAssignmentInFlight = false;
        PendingSyncs.Clear();
        ProtocolName = _members.Count > 0 ? SelectProtocol() : null;
        SubscribedTopics = ComputeSubscribedTopics();
        Transition(_members.Count > 0 ? GroupState.CompletingRebalance : GroupState.Empty, nowUnixMs);
    }

    /// <summary>This generation as it is recorded, with the assignments given.</summary>
    public GroupMetadata ToMetadata(Func<GroupMember, byte[]> assignmentOf) => new(
        ProtocolType ?? "",
        Generation,
        ProtocolName,
        LeaderId,
        StateTimestampMs,
        [.. _members.Values.Select(member => new RecordedMember(
            member.MemberId,
            member.InstanceId,
            member.ClientId,
            member.ClientHost,
            member.RebalanceTimeoutMs,
            member.SessionTimeoutMs,
            member.MetadataOf(ProtocolName),
            assignmentOf(member)))]);

    /// <summary>Takes up the live state that the record describes, after a load.</summary>
    public void Restore(GroupMetadata metadata)
    {
        Generation = metadata.Generation;
        ProtocolType = metadata.ProtocolType.Length > 0 ? metadata.ProtocolType : null;
        ProtocolName = metadata.ProtocolName;
        foreach (var recorded in metadata.Members)
        {
            var member = new GroupMember(this, recorded.MemberId, recorded.InstanceId, recorded.ClientId, recorded.ClientHost)
            {
                SessionTimeoutMs = recorded.SessionTimeoutMs,
                RebalanceTimeoutMs = recorded.RebalanceTimeoutMs,
                Protocols = [new MemberProtocol(ProtocolName ?? "", recorded.Subscription)],
                Assignment = recorded.Assignment,
            };
            Add(member, metadata.ProtocolType);
        }
        LeaderId = metadata.Leader is not null && _members.ContainsKey(metadata.Leader) ? metadata.Leader : LeaderId;
        State = _members.Count > 0 ? GroupState.Stable : GroupState.Empty;
        StateTimestampMs = metadata.StateTimestampMs;
        SubscribedTopics = ComputeSubscribedTopics();
    }

    private HashSet<TopicName>? ComputeSubscribedTopics()
    {
        if (!IsConsumerProtocol)
            return null;
        var topics = new HashSet<TopicName>();
        foreach (var member in _members.Values)
        {
            if (!ConsumerSubscription.TryAddTopics(member.MetadataOf(ProtocolName), topics))
                return null;
        }
        return topics;
    }

    private void Count(IReadOnlyList<MemberProtocol> protocols, int change)
    {
        foreach (var protocol in protocols)
        {
            var count = _membersByProtocol.GetValueOrDefault(protocol.Name) + change;
            if (count == 0)
                _membersByProtocol.Remove(protocol.Name);
            else
                _membersByProtocol[protocol.Name] = count;
        }
    }
}
