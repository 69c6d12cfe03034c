using System.Buffers.Binary;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>Follows every partition's offsets through the journal, to name what is missing.</summary>
internal sealed class LossTracker
{
    private readonly Dictionary<int, Track> _tracks = [];
    private readonly List<LogLoss> _losses = [];
    private readonly Checkpoint _checkpoint;
    private bool _passedCheckpoint;

    public LossTracker(Checkpoint checkpoint)
    {
        _checkpoint = checkpoint;
        foreach (var state in checkpoint.Partitions)
            _tracks[state.Handle] = new Track(state.Partition, state.LogStart);
    }

    public IReadOnlyList<LogLoss> Losses => _losses;
    public int Partitions => _tracks.Count;

    /// <returns>False where the entry is of a partition nobody knows: its creation is lost, or, before the checkpoint, it was
    /// deleted since.</returns>
    public bool Add(JournalScanner scanner)
    {
        var entry = scanner.Entry;
        if (!entry.IsOfPartition)
            return true;
        if (scanner.Address >= _checkpoint.Until)
            PassCheckpoint();
        if (entry.Kind == EntryKind.Create)
        {
            using var reader = new BinaryReader(new MemoryStream(scanner.Payload.ToArray()));
            if (_passedCheckpoint)
                _tracks[entry.Partition] = new Track(PartitionName.Decode(reader), 0);
            return true;
        }
        if (!_tracks.TryGetValue(entry.Partition, out var track))
            return !_passedCheckpoint;

        switch (entry.Kind)
        {
            case EntryKind.Append:
                var batch = RecordBatchHeader.Read(scanner.Payload);
                NoteLoss(track, batch.BaseOffset.Value);
                track.Next = Math.Max(track.Next, batch.NextOffset.Value);
                break;
            case EntryKind.Truncate:
                long end = BinaryPrimitives.ReadInt64LittleEndian(scanner.Payload);
                track.Next = Math.Min(track.Next, end);
                Keep(track, loss => loss with { Until = Offset.Min(loss.Until, new Offset(end)) });
                break;
            case EntryKind.LogStart:
                long start = BinaryPrimitives.ReadInt64LittleEndian(scanner.Payload);
                track.Next = Math.Max(track.Next, start);
                Keep(track, loss => loss with { From = Offset.Max(loss.From, new Offset(start)) });
                break;
            case EntryKind.Delete:
                Keep(track, loss => loss with { Until = loss.From });
                _tracks.Remove(entry.Partition);
                break;
        }
        return true;
    }

    /// <summary>What the checkpoint knew of must have been seen by now.</summary>
    public void PassCheckpoint()
    {
        if (_passedCheckpoint)
            return;
        _passedCheckpoint = true;
        foreach (var state in _checkpoint.Partitions)
        {
            if (_tracks.TryGetValue(state.Handle, out var track))
                NoteLoss(track, state.LogEnd);
        }
    }

    /// <summary>The log end that is left of a partition.</summary>
    public long EndOf(PartitionState state) =>
        _losses.LastOrDefault(loss => loss.Partition == state.Partition && loss.Until.Value == state.LogEnd)?.From.Value
        ?? state.LogEnd;

    /// <summary>Nobody misses what the log let go of itself.</summary>
    private void Keep(Track track, Func<LogLoss, LogLoss> cut)
    {
        for (int i = 0; i < _losses.Count; i++)
        {
            if (_losses[i].Partition == track.Partition)
                _losses[i] = cut(_losses[i]);
        }
        _losses.RemoveAll(loss => loss.From >= loss.Until);
    }

    private void NoteLoss(Track track, long until)
    {
        if (until <= track.Next)
            return;
        _losses.Add(new LogLoss(track.Partition, new Offset(track.Next), new Offset(until)));
        track.Next = until;
    }

    /// <param name="next">The offset that comes next.</param>
    private sealed class Track(TopicIdPartition partition, long next)
    {
        public TopicIdPartition Partition => partition;
        public long Next { get; set; } = next;
    }
}
