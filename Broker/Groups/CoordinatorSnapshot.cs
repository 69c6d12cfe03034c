using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>Writes the whole durable state again, some at a time and between other writes, so that the log before its
/// first record can be dropped.
/// <para>Why nothing is lost: each key is written with its committed value while no write is in flight, ahead of the
/// writes of its batch. So for every key, what the log says after the snapshot's start ends in the same value as the
/// whole log; a key removed meanwhile has its tombstone after the start, or was removed before and is not
/// written.</para></summary>
internal sealed class CoordinatorSnapshot(IReadOnlyList<CoordinatorRecord> keys)
{
    private int _next;

    /// <summary>The offset of its first batch; null before that is committed.</summary>
    public Offset? Start { get; set; }
    public long WrittenBytes { get; private set; }
    public bool IsComplete => _next == keys.Count;

    /// <summary>Adds the next records, up to half of a batch.</summary>
    public void AddTo(CoordinatorBatch batch, GroupCoordinatorCore core, long timestampMs)
    {
        var before = batch.SizeBytes;
        while (!IsComplete && (batch.Count == 0 || batch.SizeBytes < batch.MaxBytes / 2))
        {
            if (core.ReadDurable(keys[_next]) is { } record && batch.TryAdd(record, timestampMs) != ErrorCode.None)
                break;
            _next++;
        }
        WrittenBytes += batch.SizeBytes - before;
    }
}
