using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>A group's writes on their way into the log, and the gate that is shut while the group is being deleted.
/// Deletion waits until nothing is in flight, and what is asked meanwhile waits until the deletion has ended: otherwise
/// an offset committed in between would outlive its group, or be lost though it was acknowledged.</summary>
internal sealed class GroupWrites
{
    private List<GroupCommand> _held = [];

    public CoordinatorWrite? Last { get; private set; }
    public int InFlight { get; private set; }
    public bool IsShut { get; private set; }
    public bool IsIdle => InFlight == 0 && !IsShut;

    public void Started(CoordinatorWrite write)
    {
        InFlight++;
        Last = write;
    }

    public void Ended(CoordinatorWrite write)
    {
        InFlight--;
        if (Last == write)
            Last = null;
    }

    public void Shut() => IsShut = true;

    public void Hold(GroupCommand command) => _held.Add(command);

    /// <summary>Opens the gate; the caller handles what was held, in order.</summary>
    public List<GroupCommand> Open()
    {
        IsShut = false;
        var held = _held;
        _held = [];
        return held;
    }

    /// <summary>Calls back when all that is in flight now has ended.</summary>
    public void WhenSettled(Action<CoordinatorStep, ErrorCode> callback)
    {
        var first = Last!.Settled;
        Last.Settled = (step, error) =>
        {
            first?.Invoke(step, error);
            callback(step, error);
        };
    }
}
