using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>One step of a coordinator: the time it happens at and the effects it has. The driver carries the effects
/// out after the step: appends <see cref="Writes"/> in order, delivers <see cref="Replies"/>, logs
/// <see cref="Events"/>.</summary>
public sealed class CoordinatorStep(CoordinatorTime now)
{
    public CoordinatorTime Now { get; } = now;

    /// <summary>What is to be appended, in this order, after what was to be appended before.</summary>
    public List<CoordinatorWrite> Writes { get; } = [];

    /// <summary>Answers that depend on nothing that is not committed.</summary>
    public List<Action> Replies { get; } = [];

    public List<GroupEvent> Events { get; } = [];

    internal void Reply<TReply>(IReplyTo<TReply> replyTo, TReply reply) => Replies.Add(() => replyTo.Deliver(reply));

    internal void Note(ClassicGroup group, string text) => Events.Add(new GroupEvent(group.Id, text));
}

/// <summary>What an operator may want to know of a group: rebalances and their reasons, members lost.</summary>
public readonly record struct GroupEvent(GroupId Group, string Text);

/// <summary>Records of one group on their way into the log. The core is told when they are committed
/// (<see cref="GroupCoordinatorCore.Committed"/>) or were refused (<see cref="GroupCoordinatorCore.Refused"/>).</summary>
public sealed class CoordinatorWrite
{
    internal CoordinatorWrite(ClassicGroup group, IReadOnlyList<CoordinatorRecord> records, Action<CoordinatorStep, ErrorCode>? settled)
    {
        Group = group;
        Records = records;
        Settled = settled;
    }

    public IReadOnlyList<CoordinatorRecord> Records { get; }

    internal ClassicGroup Group { get; }

    /// <summary>How many of <see cref="Records"/> are committed and applied.</summary>
    internal int AppliedCount { get; set; }

    /// <summary>Called once: NONE when all records are committed, else why the rest was refused.</summary>
    internal Action<CoordinatorStep, ErrorCode>? Settled { get; set; }
}
