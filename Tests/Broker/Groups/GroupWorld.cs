using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Tests.Broker.Groups;

/// <summary>One coordinator core on virtual time, over a log that commits at once, or when told to.</summary>
internal sealed class GroupWorld
{
    public const long StartUnixMs = 1_700_000_000_000;
    private readonly BrokerConfig _config;
    private int _memberIds;

    public GroupWorld(BrokerConfig? config = null)
    {
        _config = config ?? new BrokerConfig();
        Core = new GroupCoordinatorCore(new FixedBrokerConfigs(_config));
        Run(Core.Loaded);
    }

    public GroupCoordinatorCore Core { get; private set; }
    public long NowMs { get; private set; }
    public List<CoordinatorRecord> Log { get; } = [];
    public Queue<CoordinatorWrite> InFlight { get; } = [];
    public List<GroupEvent> Events { get; } = [];
    public bool CommitsAtOnce { get; set; } = true;

    public void Run(Action<CoordinatorStep> action)
    {
        RunUncommitted(action);
        if (CommitsAtOnce)
            CommitAll();
    }

    public void CommitAll()
    {
        while (InFlight.Count > 0)
            CommitNext();
    }

    public void CommitNext()
    {
        var write = InFlight.Dequeue();
        Log.AddRange(write.Records);
        RunUncommitted(step => Core.Committed(write, write.Records.Count, step));
    }

    public void RefuseNext(ErrorCode error)
    {
        var write = InFlight.Dequeue();
        RunUncommitted(step => Core.Refused(write, error, step));
    }

    /// <summary>Lets time pass, every deadline at its own moment.</summary>
    public void Advance(long ms)
    {
        var end = NowMs + ms;
        while (Core.NextDeadlineMs is { } next && next <= end)
        {
            NowMs = Math.Max(NowMs, next);
            Run(Core.Tick);
        }
        NowMs = end;
    }

    /// <summary>The coordinator is lost with all that was not committed, and loaded again.</summary>
    public void Restart()
    {
        InFlight.Clear();
        Core = Load(Log, _config);
    }

    public GroupCoordinatorCore Load(IEnumerable<CoordinatorRecord> log, BrokerConfig? config = null)
    {
        var core = new GroupCoordinatorCore(new FixedBrokerConfigs(config ?? _config));
        foreach (var record in log)
            core.Replay(record, new CoordinatorTime(NowMs, StartUnixMs + NowMs));
        RunUncommitted(core.Loaded);
        return core;
    }

    public Answer<JoinGroupReply> Join(
        string group = "g",
        string memberId = "",
        string? instanceId = null,
        string clientId = "client",
        int sessionMs = 10_000,
        int rebalanceMs = 60_000,
        string protocolType = "consumer",
        (string Name, byte[] Metadata)[]? protocols = null,
        bool requireMemberId = false,
        bool canSkipAssignment = true,
        string? reason = null)
    {
        var answer = new Answer<JoinGroupReply>();
        protocols ??= [("range", Subscription("topic"))];
        Handle(new JoinGroupCommand(
            new GroupId(group), memberId, instanceId, clientId, "/127.0.0.1", sessionMs, rebalanceMs, protocolType,
            [.. protocols.Select(protocol => new MemberProtocol(protocol.Name, protocol.Metadata))],
            reason, requireMemberId, canSkipAssignment, new Guid(++_memberIds, 0, 0, new byte[8]), answer));
        return answer;
    }

    public Answer<SyncGroupReply> Sync(
        string memberId,
        int generation,
        Dictionary<string, byte[]>? assignments = null,
        string group = "g",
        string? instanceId = null,
        string? protocolType = null,
        string? protocolName = null)
    {
        var answer = new Answer<SyncGroupReply>();
        Handle(new SyncGroupCommand(
            new GroupId(group), memberId, instanceId, generation, protocolType, protocolName, assignments ?? [], answer));
        return answer;
    }

    public ErrorCode Heartbeat(string memberId, int generation, string group = "g", string? instanceId = null) =>
        StartHeartbeat(memberId, generation, group, instanceId).Value;

    public Answer<ErrorCode> StartHeartbeat(string memberId, int generation, string group = "g", string? instanceId = null)
    {
        var answer = new Answer<ErrorCode>();
        Handle(new HeartbeatCommand(new GroupId(group), memberId, instanceId, generation, answer));
        return answer;
    }

    public Answer<LeaveGroupReply> Leave(string memberId, string? instanceId = null, string group = "g")
    {
        var answer = new Answer<LeaveGroupReply>();
        Handle(new LeaveGroupCommand(new GroupId(group), [new LeavingMember(memberId, instanceId, null)], answer));
        return answer;
    }

    public Answer<IReadOnlyList<ErrorCode>> Commit(
        long offset,
        string topic = "topic",
        int partition = 0,
        string memberId = "",
        int generation = -1,
        string group = "g",
        string? instanceId = null,
        string? metadata = "",
        bool knowsGroupIdNotFound = true,
        long? retentionMs = null,
        TopicId topicId = default)
    {
        var answer = new Answer<IReadOnlyList<ErrorCode>>();
        Handle(new OffsetCommitCommand(
            new GroupId(group), memberId, instanceId, generation, knowsGroupIdNotFound, retentionMs,
            [new OffsetToCommit(Partition(topic, partition), topicId, new Offset(offset), LeaderEpoch.None, metadata)],
            answer));
        return answer;
    }

    public Answer<OffsetFetchReply> StartFetch(bool requireStable, string group = "g", params TopicPartition[]? partitions)
    {
        var answer = new Answer<OffsetFetchReply>();
        Handle(new OffsetFetchCommand(new GroupId(group), partitions, requireStable, answer));
        return answer;
    }

    /// <summary>The offset that a client would read; null where there is none.</summary>
    public long? Fetch(string topic = "topic", int partition = 0, string group = "g") =>
        StartFetch(requireStable: false, group, Partition(topic, partition)).Value.Offsets[0].Value?.Offset.Value;

    public Answer<ErrorCode> DeleteGroup(string group = "g")
    {
        var answer = new Answer<ErrorCode>();
        Handle(new DeleteGroupCommand(new GroupId(group), answer));
        return answer;
    }

    public Answer<OffsetDeleteReply> DeleteOffsets(string topic = "topic", int partition = 0, string group = "g")
    {
        var answer = new Answer<OffsetDeleteReply>();
        Handle(new OffsetDeleteCommand(new GroupId(group), [Partition(topic, partition)], answer));
        return answer;
    }

    /// <summary>The state of a group as DescribeGroups shows it; null where there is no such group.</summary>
    public string? StateOf(string group = "g") => Core.Describe(new GroupId(group))?.State;

    public static TopicPartition Partition(string topic, int partition) =>
        new(new TopicName(topic), new PartitionIndex(partition));

    /// <summary>Metadata of the consumer protocol, version 0.</summary>
    public static byte[] Subscription(params string[] topics)
    {
        using var stream = new MemoryStream();
        stream.Write([0, 0, 0, 0, 0, (byte)topics.Length]);
        foreach (var topic in topics)
        {
            stream.Write([0, (byte)topic.Length]);
            stream.Write(System.Text.Encoding.UTF8.GetBytes(topic));
        }
        stream.Write([0xff, 0xff, 0xff, 0xff]);
        return stream.ToArray();
    }

    private void Handle(GroupCommand command) => Run(step => Core.Handle(command, step));

    private void RunUncommitted(Action<CoordinatorStep> action)
    {
        var step = new CoordinatorStep(new CoordinatorTime(NowMs, StartUnixMs + NowMs));
        action(step);
        step.Writes.ForEach(InFlight.Enqueue);
        Events.AddRange(step.Events);
        step.Replies.ForEach(reply => reply());
    }
}

/// <summary>Takes one answer.</summary>
internal sealed class Answer<TReply> : IReplyTo<TReply>
{
    private TReply? _value;

    public bool HasCome { get; private set; }

    public TReply Value => HasCome ? _value! : throw new InvalidOperationException("there is no answer yet");

    public void Deliver(TReply reply)
    {
        if (HasCome)
            throw new InvalidOperationException("answered twice");
        (HasCome, _value) = (true, reply);
    }
}
