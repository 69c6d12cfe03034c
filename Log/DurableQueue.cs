namespace Loire.Log;

/// <summary>A partition's log end once everything below an address of the journal is durable.</summary>
/// <param name="Truncations">How often the partition was truncated before; a mark from before a truncation says nothing
/// any more.</param>
internal readonly record struct DurableMark(PartitionLog Partition, long UntilAddress, long EndOffset, int Truncations);

/// <summary>Marks in journal order. A partition with many entries in one commit hears of the last only.</summary>
internal sealed class DurableQueue
{
    private readonly Queue<DurableMark> _marks = new();
    private readonly List<PartitionLog> _reached = [];

    public void Enqueue(in DurableMark mark)
    {
        lock (_marks)
            _marks.Enqueue(mark);
    }

    /// <summary>Tells the partitions whose entries lie below an address. One caller at a time.</summary>
    public void Drain(long durableUntil)
    {
        lock (_marks)
        {
            while (_marks.TryPeek(out var mark) && mark.UntilAddress <= durableUntil)
            {
                _marks.Dequeue();
                if (mark.Partition.NoteDurable(mark))
                    _reached.Add(mark.Partition);
            }
        }
        foreach (var partition in _reached)
            partition.PublishDurable();
        _reached.Clear();
    }
}
