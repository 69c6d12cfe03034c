using System.Buffers;
using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>A partition's decisions: what may be appended, what is committed, whom to answer. Not thread-safe; the
/// replica holds its lock around every call and carries the effects out afterwards. It keeps no copy of the log's
/// offsets beyond what its decisions need: the log end of its last append, and the high watermark.</summary>
internal sealed class PartitionCore
{
    /// <summary>As many bytes as end any wait.</summary>
    private const long AllMissing = long.MaxValue;

    private readonly NodeId _self;
    private readonly EpochHistory _epochs = new();
    private readonly ProducerWindow _producers = new();
    private readonly Queue<Uncommitted> _uncommitted = new();
    private FetchWatchList _watches;
    private FetchWatchList _followerWatches;
    private LeaderState? _leader;
    private FollowerState? _follower;
    private ErrorCode _closed;
    private ErrorCode _writeFailure;

    public PartitionCore(NodeId self) => _self = self;

    public Offset LogEnd { get; private set; }
    public Offset HighWatermark => _leader?.HighWatermark ?? _follower?.HighWatermark ?? Offset.Zero;

    /// <summary>What a read_committed reader may see. Equal to the high watermark while there are no transactions.</summary>
    public Offset LastStableOffset => HighWatermark;

    /// <summary>The epoch of the leader this replica is or follows.</summary>
    public LeaderEpoch LeaderEpoch => _leader?.Epoch ?? _follower?.Epoch ?? LeaderEpoch.None;

    /// <summary>Whom this replica follows; none where it leads, knows no leader or is closed.</summary>
    public NodeId FollowedLeader => _closed == ErrorCode.None ? _follower?.Leader ?? NodeId.None : NodeId.None;

    /// <summary>The leader's, as it told this follower; none where this replica does not follow.</summary>
    public Offset LeaderHighWatermark => _follower?.LeaderHighWatermark ?? Offset.None;

    /// <summary>Whether the high watermark is the partition's: a new leader knows only a lower bound until all in-sync
    /// replicas have reported what was in its log when it took the lead (KIP-207).</summary>
    public bool KnowsHighWatermark => _leader is not null && _leader.HighWatermark >= _leader.EpochStart;

    /// <summary>NONE while this replica leads and can be read.</summary>
    public ErrorCode Availability =>
        _closed != ErrorCode.None ? _closed : _leader is null ? ErrorCode.NotLeaderOrFollower : ErrorCode.None;

    private ErrorCode WriteAvailability =>
        Availability != ErrorCode.None ? Availability
        : _leader!.IsResigning ? ErrorCode.NotLeaderOrFollower
        : _writeFailure;

    /// <summary>Takes the lead. Before it takes a role the core only restores and replays.</summary>
    public void BecomeLeader(LeaderState leader, Offset logEnd, Offset durableEnd)
    {
        _leader = leader;
        _follower = null;
        LogEnd = logEnd;
        _epochs.Assign(leader.Epoch, logEnd);
        leader.Durable(_self, durableEnd);
    }

    /// <summary>Follows a leader. Who waits for this replica as the leader is sent away: what it appended may be
    /// dropped.</summary>
    public void BecomeFollower(FollowerState follower, EffectList effects)
    {
        var hasLed = _leader is not null;
        _leader = null;
        _follower = follower;
        if (hasLed) TurnAway(ErrorCode.NotLeaderOrFollower, effects);
    }

    /// <summary>The controller decided on the replicas of this leader.</summary>
    public void Confirmed(PartitionState state, EffectList effects)
    {
        if (_leader!.Confirmed(state)) ReleaseCommitted(effects);
    }

    /// <inheritdoc cref="LeaderState.FindInSync"/>
    public NodeId FindInSync(ImmutableArray<NodeId> among, Offset from) => _leader?.FindInSync(among, from) ?? NodeId.None;

    /// <summary>Takes no more batches, so that followers can catch up before another takes the lead.</summary>
    public void Resign() => _leader?.IsResigning = true;

    /// <summary>Whether a follower may fetch here and, where its log parted from this one, where (KIP-595).</summary>
    public ErrorCode CheckFetch(NodeId follower, in FetchPosition position, out EpochEnd? diverging)
    {
        diverging = null;
        if (_closed != ErrorCode.None) return _closed;
        if (position.LeaderEpoch < LeaderEpoch) return ErrorCode.FencedLeaderEpoch;
        if (position.LeaderEpoch > LeaderEpoch) return ErrorCode.UnknownLeaderEpoch;
        if (_leader is null || !_leader.HasReplica(follower)) return ErrorCode.NotLeaderOrFollower;
        if (position.LastFetchedEpoch == LeaderEpoch.None) return ErrorCode.None;

        var end = _epochs.EndOf(position.LastFetchedEpoch, LogEnd);
        if (end == EpochEnd.Undefined) return ErrorCode.OffsetOutOfRange;
        if (end.Epoch < position.LastFetchedEpoch || end.End < position.Offset) diverging = end;
        return ErrorCode.None;
    }

    /// <summary>A follower whose log is a prefix of this one fetches; it has synced what is below
    /// <paramref name="durableEnd"/>.</summary>
    public InSyncProposal? Fetched(NodeId follower, Offset durableEnd, long nowMs, EffectList effects)
    {
        if (_leader!.Fetched(follower, durableEnd, LogEnd, nowMs, out var proposal)) ReleaseCommitted(effects);
        return proposal;
    }

    /// <summary>Finds followers that have fallen behind; to be called from time to time.</summary>
    public InSyncProposal? CheckLag(long nowMs, long lagMaxMs, EffectList effects)
    {
        if (_leader is null || _closed != ErrorCode.None) return null;
        if (_leader.CheckLag(nowMs, lagMaxMs, out var proposal)) ReleaseCommitted(effects);
        return proposal;
    }

    /// <summary>The leader told a follower how far the partition is committed.</summary>
    public void LearnHighWatermark(Offset leaderHighWatermark, Offset durableEnd, EffectList effects)
    {
        if (_follower!.Learned(leaderHighWatermark, durableEnd)) Tell(_watches, AllMissing, effects);
    }

    /// <summary>Where a follower cuts its log when its leader says that they part at <paramref name="leaderEnd"/>
    /// (KIP-279): each side knows the end of the epoch, and the logs are equal up to the smaller one.</summary>
    public Offset FindTruncation(EpochEnd leaderEnd)
    {
        var own = _epochs.EndOf(leaderEnd.Epoch, LogEnd);
        if (own == EpochEnd.Undefined) return Offset.Min(leaderEnd.End, LogEnd);
        return Offset.Min(LogEnd, own.Epoch == leaderEnd.Epoch ? Offset.Min(own.End, leaderEnd.End) : own.End);
    }

    /// <summary>A follower dropped its records from <paramref name="end"/> on.</summary>
    public void Truncated(Offset end)
    {
        ReplayTruncate(end);
        _follower!.Truncated(end);
    }

    /// <summary>Decides whether a batch may be appended now.</summary>
    /// <param name="minInSync">min.insync.replicas; counts as no more than there are replicas.</param>
    /// <param name="original">Set where the batch is already in the log: answer with this one, append nothing.</param>
    public ErrorCode CheckAppend(in RecordBatchHeader header, RequiredAcks acks, int minInSync, out BatchMark? original)
    {
        original = null;
        if (WriteAvailability is not ErrorCode.None and var unavailable) return unavailable;
        if (acks == RequiredAcks.All && HasTooFewInSync(minInSync)) return ErrorCode.NotEnoughReplicas;

        return _producers.Check(header, out original);
    }

    /// <summary>A batch is in the log, at the offset its header says.</summary>
    /// <param name="listener">Told when it is committed; null where nobody waits.</param>
    /// <param name="minInSync">How many must be in sync when it is committed, else the listener gets
    /// NOT_ENOUGH_REPLICAS_AFTER_APPEND.</param>
    public void Appended(
        in RecordBatchHeader header, long nowMs, ICommitListener? listener, int slot, EffectList effects, int minInSync = 0)
    {
        LogEnd = header.NextOffset;
        _producers.Appended(header, nowMs);
        _uncommitted.Enqueue(new Uncommitted(header.NextOffset, header.TotalSizeBytes, listener, slot, minInSync));
        Tell(_followerWatches, header.TotalSizeBytes, effects);
    }

    /// <summary>Tells the listener when everything below <paramref name="end"/> is committed.</summary>
    public void AwaitCommit(Offset end, ICommitListener listener, int slot, EffectList effects, int minInSync = 0)
    {
        if (HighWatermark >= end) effects.Committed(listener, slot, ErrorCode.None);
        else if (WriteAvailability is not ErrorCode.None and var error) effects.Committed(listener, slot, error);
        else _uncommitted.Enqueue(new Uncommitted(LogEnd, 0, listener, slot, minInSync));
    }

    /// <summary>This replica has synced everything below <paramref name="durableEnd"/>.</summary>
    public void Durable(NodeId replica, Offset durableEnd, EffectList effects)
    {
        if (_follower is not null && _follower.Durable(durableEnd)) Tell(_watches, AllMissing, effects);
        if (_leader is not null && _leader.Durable(replica, durableEnd)) ReleaseCommitted(effects);
    }

    /// <summary>Waits for more than the watch has seen; tells it at once where there already is. It stays until
    /// <see cref="Unwatch"/>.</summary>
    public void Watch(FetchWatch watch, EffectList effects)
    {
        if (watch.SeenEnd is null) _watches.Add(watch);
        else _followerWatches.Add(watch);
        var isReadable = Availability == ErrorCode.None || (watch.ReadsFollower && FollowedLeader != NodeId.None);
        if (_closed != ErrorCode.None || !isReadable) effects.PartitionChanged(watch.Listener!);

        // How many bytes were missed is not known any more: reading again tells.
        else if (HighWatermark > watch.Seen || LogEnd > watch.SeenEnd) effects.Available(watch.Listener!, AllMissing);
    }

    public void Unwatch(FetchWatch watch)
    {
        if (watch.SeenEnd is null) _watches.Remove(watch);
        else _followerWatches.Remove(watch);
    }

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
        TurnAway(error, effects);
    }

    /// <summary>The answer to OffsetForLeaderEpoch.</summary>
    public EpochEnd EndOf(LeaderEpoch epoch) => _epochs.EndOf(epoch, LogEnd);

    public LeaderEpoch EpochAt(Offset offset) => _epochs.EpochAt(offset);

    /// <summary>The log starts there. Beyond all this core knows of it is empty: a follower that its leader left behind, or
    /// one that has just been opened.</summary>
    public void LogStartMoved(Offset logStart)
    {
        if (logStart <= LogEnd)
        {
            _epochs.AdvanceTo(logStart);
            return;
        }

        _epochs.Clear();
        _producers.Clear();
        LogEnd = logStart;
    }

    public void ExpireProducers(long nowMs, long expirationMs) => _producers.Expire(nowMs, expirationMs);

    /// <exception cref="InvalidDataException">The snapshot is of a newer format or damaged.</exception>
    public void Restore(ReadOnlySpan<byte> snapshot) => LogEnd = PartitionSnapshot.Read(snapshot, _epochs, _producers);

    /// <summary>A batch that the log has as its leader wrote it: found at start-up, or fetched.</summary>
    /// <param name="nowMs">Taken for the producer's last append: a restart gives it its whole expiration anew.</param>
    public void ReplayAppend(in RecordBatchHeader header, long nowMs)
    {
        // This replica may have led from here on and written nothing, while this batch is of an earlier leader.
        _epochs.TruncateTo(header.BaseOffset);
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

    private bool HasTooFewInSync(int minInSync) => _leader!.InSyncCount < Math.Min(minInSync, _leader.ReplicaCount);

    private void ReleaseCommitted(EffectList effects)
    {
        long addedBytes = 0;
        while (_uncommitted.TryPeek(out var batch) && batch.End <= HighWatermark)
        {
            _uncommitted.Dequeue();
            addedBytes += batch.SizeBytes;
            if (batch.Listener is null) continue;
            var error = HasTooFewInSync(batch.MinInSync) ? ErrorCode.NotEnoughReplicasAfterAppend : ErrorCode.None;
            effects.Committed(batch.Listener, batch.Slot, error);
        }

        Tell(_watches, addedBytes, effects);

        for (var watch = _followerWatches.First; watch is not null; watch = watch.Next)
        {
            if (watch.Seen is not null) effects.Available(watch.Listener!, AllMissing);
        }
    }

    private static void Tell(FetchWatchList watches, long addedBytes, EffectList effects)
    {
        for (var watch = watches.First; watch is not null; watch = watch.Next) effects.Available(watch.Listener!, addedBytes);
    }

    private void TurnAway(ErrorCode error, EffectList effects)
    {
        RefuseUncommitted(error, effects);
        for (var watch = _watches.First; watch is not null; watch = watch.Next) effects.PartitionChanged(watch.Listener!);
        for (var watch = _followerWatches.First; watch is not null; watch = watch.Next) effects.PartitionChanged(watch.Listener!);
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
    private readonly record struct Uncommitted(
        Offset End, int SizeBytes, ICommitListener? Listener, int Slot, int MinInSync);
}
