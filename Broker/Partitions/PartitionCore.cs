using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>A partition's decisions: what may be appended, what is committed, whom to answer. Not thread-safe; the
/// replica holds its lock around every call and carries the effects out afterwards. It keeps no copy of the log's
/// offsets beyond what its decisions need: the log end of its last append, and the high watermark.</summary>
internal sealed class PartitionCore
{
    private readonly NodeId _self;
    private readonly EpochHistory _epochs = new();
    private readonly ProducerWindow _producers = new();
    private readonly Queue<Uncommitted> _uncommitted = new();
    private FetchWatchList _watches;
    private LeaderState? _leader;
    private ErrorCode _closed;
    private ErrorCode _writeFailure;

    public PartitionCore(NodeId self) => _self = self;

    public Offset LogEnd { get; private set; }
    public Offset HighWatermark => _leader?.HighWatermark ?? Offset.Zero;

    /// <summary>What a read_committed reader may see. Equal to the high watermark while there are no transactions.</summary>
    public Offset LastStableOffset => HighWatermark;

    public LeaderEpoch LeaderEpoch => _leader?.Epoch ?? LeaderEpoch.None;

    /// <summary>NONE while this replica leads and can be read.</summary>
    public ErrorCode Availability =>
        _closed != ErrorCode.None ? _closed : _leader is null ? ErrorCode.NotLeaderOrFollower : ErrorCode.None;

    private ErrorCode WriteAvailability => Availability != ErrorCode.None ? Availability : _writeFailure;

    /// <summary>Takes the lead. Before this the core only restores and replays.</summary>
    public void BecomeLeader(LeaderState leader, Offset logEnd, Offset durableEnd)
    {
        _leader = leader;
        LogEnd = logEnd;
        _epochs.Assign(leader.Epoch, logEnd);
        leader.Durable(_self, durableEnd);
    }

    /// <summary>Decides whether a batch may be appended now.</summary>
    /// <param name="minInSync">min.insync.replicas; counts as no more than there are replicas.</param>
    /// <param name="original">Set where the batch is already in the log: answer with this one, append nothing.</param>
    public ErrorCode CheckAppend(in RecordBatchHeader header, RequiredAcks acks, int minInSync, out BatchMark? original)
    {
        original = null;
        if (WriteAvailability is not ErrorCode.None and var unavailable) return unavailable;
        if (acks == RequiredAcks.All && _leader!.InSyncCount < Math.Min(minInSync, _leader.ReplicaCount))
        {
            return ErrorCode.NotEnoughReplicas;
        }

        return _producers.Check(header, out original);
    }

    /// <summary>A batch is in the log, at the offset its header says.</summary>
    /// <param name="listener">Told when it is committed; null where nobody waits.</param>
    public void Appended(in RecordBatchHeader header, long nowMs, ICommitListener? listener, int slot)
    {
        LogEnd = header.NextOffset;
        _producers.Appended(header, nowMs);
        _uncommitted.Enqueue(new Uncommitted(header.NextOffset, header.TotalSizeBytes, listener, slot));
    }

    /// <summary>Tells the listener when everything below <paramref name="end"/> is committed.</summary>
    public void AwaitCommit(Offset end, ICommitListener listener, int slot, EffectList effects)
    {
        if (HighWatermark >= end) effects.Committed(listener, slot, ErrorCode.None);
        else if (WriteAvailability is not ErrorCode.None and var error) effects.Committed(listener, slot, error);
        else _uncommitted.Enqueue(new Uncommitted(LogEnd, 0, listener, slot));
    }

    /// <summary>A replica has synced everything below <paramref name="durableEnd"/>.</summary>
    public void Durable(NodeId replica, Offset durableEnd, EffectList effects)
    {
        if (_leader is null || !_leader.Durable(replica, durableEnd)) return;

        long addedBytes = 0;
        while (_uncommitted.TryPeek(out var batch) && batch.End <= HighWatermark)
        {
            _uncommitted.Dequeue();
            addedBytes += batch.SizeBytes;
            if (batch.Listener is not null) effects.Committed(batch.Listener, batch.Slot, ErrorCode.None);
        }

        for (var watch = _watches.First; watch is not null; watch = watch.Next)
        {
            effects.Available(watch.Listener!, addedBytes);
        }
    }

    /// <summary>Waits for more than the watch has seen; tells it at once where there already is. It stays until
    /// <see cref="Unwatch"/>.</summary>
    public void Watch(FetchWatch watch, EffectList effects)
    {
        _watches.Add(watch);
        if (Availability != ErrorCode.None) effects.PartitionChanged(watch.Listener!);

        // How many bytes were missed is not known any more: reading again tells.
        else if (HighWatermark > watch.Seen) effects.Available(watch.Listener!, long.MaxValue);
    }

    public void Unwatch(FetchWatch watch) => _watches.Remove(watch);

    /// <summary>The log takes no more writes: nothing that waits will be committed. What is committed stays readable.</summary>
    public void FailWrites(EffectList effects)
    {
        _writeFailure = ErrorCode.KafkaStorageError;
        RefuseUncommitted(_writeFailure, effects);
    }

    /// <summary>The partition is gone from here: everybody who waits, and whoever comes later, gets
    /// <paramref name="error"/>.</summary>
    public void Close(ErrorCode error, EffectList effects)
    {
        if (_closed != ErrorCode.None) return;
        _closed = error;
        RefuseUncommitted(error, effects);
        for (var watch = _watches.First; watch is not null; watch = watch.Next) effects.PartitionChanged(watch.Listener!);
    }

    /// <summary>The answer to OffsetForLeaderEpoch.</summary>
    public EpochEnd EndOf(LeaderEpoch epoch) => _epochs.EndOf(epoch, LogEnd);

    public LeaderEpoch EpochAt(Offset offset) => _epochs.EpochAt(offset);

    public void LogStartMoved(Offset logStart) => _epochs.AdvanceTo(logStart);

    public void ExpireProducers(long nowMs, long expirationMs) => _producers.Expire(nowMs, expirationMs);

    /// <exception cref="InvalidDataException">The snapshot is of a newer format or damaged.</exception>
    public void Restore(ReadOnlySpan<byte> snapshot) => LogEnd = PartitionSnapshot.Read(snapshot, _epochs, _producers);

    /// <param name="nowMs">Taken for the producer's last append: a restart gives it its whole expiration anew.</param>
    public void ReplayAppend(in RecordBatchHeader header, long nowMs)
    {
        _epochs.Assign(header.PartitionLeaderEpoch, header.BaseOffset);
        _producers.Appended(header, nowMs);
        LogEnd = header.NextOffset;
    }

    public void ReplayTruncate(Offset end)
    {
        _epochs.TruncateTo(end);
        _producers.TruncateTo(end);
        LogEnd = end;
    }

    public Offset WriteSnapshot(IBufferWriter<byte> output)
    {
        PartitionSnapshot.Write(output, LogEnd, _epochs, _producers);
        return LogEnd;
    }

    private void RefuseUncommitted(ErrorCode error, EffectList effects)
    {
        while (_uncommitted.TryDequeue(out var batch))
        {
            if (batch.Listener is not null) effects.Committed(batch.Listener, batch.Slot, error);
        }
    }

    /// <summary>Something that waits for the high watermark, in the order of <see cref="End"/>: a batch that was
    /// appended, with whoever waits for it, or (no bytes) somebody who waits for what is already in the log.</summary>
    private readonly record struct Uncommitted(Offset End, int SizeBytes, ICommitListener? Listener, int Slot);
}
