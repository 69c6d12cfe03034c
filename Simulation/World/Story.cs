namespace Loire.Simulation.World;

/// <summary>What happened, in order: the last events to be read, all of them as a hash by which two runs are
/// compared.</summary>
/// <param name="keptLines">How many of the last lines are kept.</param>
internal sealed class Story(EventLoop loop, int keptLines)
{
    private readonly Queue<string> _lines = new();

    public ulong Hash { get; private set; } = 14695981039346656037;
    public IReadOnlyCollection<string> Lines => _lines;

    public void Tell(string who, string what)
    {
        var line = $"{loop.NowMs - 1_000_000,7} ms  {who,-12} {what}";
        foreach (var letter in line) Hash = (Hash ^ letter) * 1099511628211;
        if (_lines.Count == keptLines) _lines.Dequeue();
        _lines.Enqueue(line);
    }
}

/// <summary>Something that must never be was seen.</summary>
internal sealed class InvariantViolation(string message) : Exception(message);
