namespace Loire.Broker.Groups;

/// <summary>A member of a classic group.</summary>
internal sealed class GroupMember
{
    public GroupMember(ClassicGroup group, string memberId, string? instanceId, string clientId, string clientHost)
    {
        MemberId = memberId;
        InstanceId = instanceId;
        ClientId = clientId;
        ClientHost = clientHost;
        Session = new Deadline(DeadlineKind.Session, group, memberId);
    }

    public string MemberId { get; }
    public string? InstanceId { get; }
    public string ClientId { get; }
    public string ClientHost { get; }
    public Deadline Session { get; }

    public int SessionTimeoutMs { get; set; }
    public int RebalanceTimeoutMs { get; set; }

    /// <summary>The preferred one first.</summary>
    public IReadOnlyList<MemberProtocol> Protocols { get; set; } = [];
    public byte[] Assignment { get; set; } = [];

    /// <summary>Joined for the first time and not yet answered: its client cannot send heartbeats, so that waiting does
    /// not keep it alive.</summary>
    public bool IsNew { get; set; }

    /// <summary>Set through <see cref="ClassicGroup.AwaitJoin"/>, which counts.</summary>
    public IReplyTo<JoinGroupReply>? AwaitingJoin { get; set; }
    public IReplyTo<SyncGroupReply>? AwaitingSync { get; set; }

    /// <summary>A member that waits for the coordinator owes no heartbeat.</summary>
    public bool IsExcusedFromHeartbeat => !IsNew && (AwaitingJoin is not null || AwaitingSync is not null);

    public byte[] MetadataOf(string? protocolName)
    {
        foreach (var protocol in Protocols)
        {
            if (protocol.Name == protocolName)
                return protocol.Metadata;
        }
        return [];
    }

    public bool HasProtocols(IReadOnlyList<MemberProtocol> protocols)
    {
        if (protocols.Count != Protocols.Count)
            return false;
        for (var i = 0; i < protocols.Count; i++)
        {
            if (protocols[i].Name != Protocols[i].Name
                || !protocols[i].Metadata.AsSpan().SequenceEqual(Protocols[i].Metadata))
                return false;
        }
        return true;
    }
}
