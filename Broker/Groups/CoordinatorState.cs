using System.Diagnostics.CodeAnalysis;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>What the parts of a coordinator share: its groups, their deadlines and the settings.</summary>
internal sealed class CoordinatorState(IBrokerConfigs configs)
{
    private readonly Dictionary<GroupId, ClassicGroup> _groups = [];

    public BrokerConfig Config => configs.Current;
    public Deadlines Deadlines { get; } = new();
    public IEnumerable<ClassicGroup> Groups => _groups.Values;

    /// <summary>Writes whose fate is not known yet.</summary>
    public HashSet<CoordinatorWrite> InFlight { get; } = [];

    public int GroupCount => _groups.Count;

    public bool TryFind(GroupId id, [NotNullWhen(true)] out ClassicGroup? group) => _groups.TryGetValue(id, out group);

    public ClassicGroup GetOrCreate(GroupId id, CoordinatorTime now)
    {
        if (!_groups.TryGetValue(id, out var group))
            _groups.Add(id, group = new ClassicGroup(id, now.UnixMs));
        return group;
    }

    public void ForgetIfVoid(ClassicGroup group)
    {
        if (group.IsVoid && _groups.TryGetValue(group.Id, out var known) && known == group)
            _groups.Remove(group.Id);
    }

    /// <summary>Removes a group that was deleted, with the members it had told to come back.</summary>
    public void Remove(ClassicGroup group)
    {
        foreach (var pending in group.PendingJoins.Values)
            Deadlines.Cancel(pending);
        _groups.Remove(group.Id);
    }

    public void Write(
        CoordinatorStep step,
        ClassicGroup group,
        IReadOnlyList<CoordinatorRecord> records,
        Action<CoordinatorStep, ErrorCode>? settled)
    {
        var write = new CoordinatorWrite(group, records, settled);
        group.Writes.Started(write);
        InFlight.Add(write);
        step.Writes.Add(write);
    }

    /// <summary>Gives a member its session timeout anew.</summary>
    public void RenewSession(GroupMember member, CoordinatorTime now, int? timeoutMs = null) =>
        Deadlines.Set(member.Session, now.MonotonicMs + (timeoutMs ?? member.SessionTimeoutMs));
}
