namespace Loire.Broker.Groups;

internal enum DeadlineKind : byte
{
    /// <summary>A member has not been heard of for its session timeout.</summary>
    Session = 0,

    /// <summary>Members have had their time to join.</summary>
    Join = 1,

    /// <summary>Members have had their time to ask for their assignment.</summary>
    Sync = 2,

    /// <summary>Time to look for expired offsets.</summary>
    Expiry = 3,
}

/// <summary>Something that happens at a time unless it is moved or cancelled before.</summary>
internal sealed class Deadline(DeadlineKind kind, ClassicGroup? group = null, string memberId = "")
{
    public DeadlineKind Kind { get; } = kind;
    public ClassicGroup? Group { get; } = group;
    public string MemberId { get; } = memberId;

    /// <summary>On the monotonic clock; null while cancelled.</summary>
    public long? AtMs { get; set; }

    /// <summary>The earliest entry of this deadline in the queue.</summary>
    public long? QueuedAtMs { get; set; }
}

/// <summary>Deadlines in order of time. A heartbeat only moves a field: the queue holds an entry that may be too early
/// and is put back when it comes up, so its size is bounded by the number of deadlines, not of heartbeats.</summary>
internal sealed class Deadlines
{
    private readonly PriorityQueue<Deadline, (long AtMs, long Order)> _queue = new();
    private long _order;

    public long? NextMs => _queue.TryPeek(out _, out var next) ? next.AtMs : null;

    public void Set(Deadline deadline, long atMs)
    {
        deadline.AtMs = atMs;
        if (deadline.QueuedAtMs is null || deadline.QueuedAtMs > atMs)
            Enqueue(deadline, atMs);
    }

    public static void Cancel(Deadline deadline) => deadline.AtMs = null;

    /// <summary>Takes the next deadline at or before <paramref name="nowMs"/>; it is cancelled thereby.</summary>
    public Deadline? TakeDue(long nowMs)
    {
        while (_queue.TryPeek(out var deadline, out var entry) && entry.AtMs <= nowMs)
        {
            _queue.Dequeue();
            if (deadline.QueuedAtMs != entry.AtMs)
                continue;
            deadline.QueuedAtMs = null;
            if (deadline.AtMs is not { } atMs)
                continue;
            if (atMs > nowMs)
            {
                Enqueue(deadline, atMs);
                continue;
            }
            deadline.AtMs = null;
            return deadline;
        }
        return null;
    }

    private void Enqueue(Deadline deadline, long atMs)
    {
        deadline.QueuedAtMs = atMs;
        _queue.Enqueue(deadline, (atMs, _order++));
    }
}
