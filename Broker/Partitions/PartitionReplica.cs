using System.Buffers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>A partition's local replica: a lock around a <see cref="PartitionCore"/> and the partition's log. All members
/// may be called from any thread.
/// <para>Lock order: the replica's lock, then whatever the log takes. Listeners are told with no lock held.</para></summary>
public sealed partial class PartitionReplica : IPartitionLogObserver
{
    private readonly Lock _lock = new();
    private readonly PartitionCore _core;
    private readonly IPartitionLog _log;
    private readonly ILogStore _store;
    private readonly NodeId _self;
    private readonly TimeProvider _time;
    private readonly IInSyncControl? _control;

    /// <summary>Appends that found the journal full take turns, so that none is overtaken for ever.</summary>
    private readonly SemaphoreSlim _turn = new(1, 1);
    private int _waitingForSpace;
    private volatile TopicConfig _config;

    // What readers see without the lock; written under it.
    private long _highWatermark;
    private int _leaderEpoch = LeaderEpoch.None.Value;
    private int _availability = (int)ErrorCode.NotLeaderOrFollower;
    private bool _knowsHighWatermark;

    /// <summary>Opens the partition's log and replays what is needed. Has no role until <see cref="Apply"/>.</summary>
    /// <param name="control">Null where partitions have one replica.</param>
    public PartitionReplica(
        ILogStore store,
        TopicIdPartition partition,
        TopicConfig config,
        NodeId self,
        TimeProvider time,
        IInSyncControl? control = null)
    {
        _control = control;
        Partition = partition;
        _store = store;
        _config = config;
        _self = self;
        _time = time;
        _core = new PartitionCore(self);
        _log = store.Open(partition, this);
        lock (_lock) _core.LogStartMoved(_log.LogStartOffset);
    }

    public TopicIdPartition Partition { get; }
    public TopicConfig Config => _config;

    /// <summary>NONE while this replica leads and can be read.</summary>
    public ErrorCode Availability => (ErrorCode)Volatile.Read(ref _availability);

    public LeaderEpoch LeaderEpoch => new(Volatile.Read(ref _leaderEpoch));

    /// <summary>False for a leader that has not heard of all in-sync replicas yet: then <see cref="HighWatermark"/> is
    /// only a lower bound, and nobody is told where the partition ends (KIP-207).</summary>
    public bool KnowsHighWatermark => Volatile.Read(ref _knowsHighWatermark);

    /// <summary>Everything below it is committed: synced on every in-sync replica. Never falls.</summary>
    public Offset HighWatermark => new(Volatile.Read(ref _highWatermark));

    /// <summary>Everything below it is committed and of no open transaction.</summary>
    public Offset LastStableOffset => HighWatermark;
    public Offset LogStartOffset => _log.LogStartOffset;
    public Offset LogEndOffset => _log.LogEndOffset;
    public long SizeBytes => _log.SizeBytes;

    /// <summary>The largest batch that is taken, header included.</summary>
    public int MaxBatchBytes => Math.Min(_config.MaxMessageBytes, _store.MaxBatchBytes);

    public void Configure(TopicConfig config) => _config = config;

    /// <summary>Appends one batch. Completes at once unless the journal's buffer is full.</summary>
    /// <param name="batch">As received; not needed any more when the task completes.</param>
    /// <param name="listener">Told when the batch is committed; null where nobody waits. Not told where the result has an
    /// error.</param>
    /// <param name="onlyIn">Refuse it with NOT_LEADER_OR_FOLLOWER where this replica does not lead in this epoch; null for
    /// whichever it leads in.</param>
    /// <returns>CORRUPT_MESSAGE, INVALID_RECORD, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, UNSUPPORTED_COMPRESSION_TYPE,
    /// UNSUPPORTED_FOR_MESSAGE_FORMAT, NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, OUT_OF_ORDER_SEQUENCE_NUMBER,
    /// INVALID_PRODUCER_EPOCH or KAFKA_STORAGE_ERROR where it is refused; then nothing was appended.</returns>
    public ValueTask<AppendResult> AppendAsync(
        ReadOnlySequence<byte> batch,
        RequiredAcks acks,
        ICommitListener? listener,
        int slot,
        CancellationToken cancellationToken,
        LeaderEpoch? onlyIn = null)
    {
        var config = _config;
        var nowMs = NowMs();
        if (!BatchIntake.TryCheck(batch, config, _store.MaxBatchBytes, nowMs, out var intake, out var refused))
        {
            return AppendInflatedAsync(batch, acks, listener, slot, onlyIn, cancellationToken);
        }

        var append = new Append(intake, acks, config.MinInSyncReplicas, nowMs, listener, slot, onlyIn);
        return AppendAsync(append, refused, cancellationToken);
    }

    /// <summary>Completes with NONE when everything below <paramref name="end"/> is committed, or with the reason why it
    /// will not be.</summary>
    public Task<ErrorCode> WaitForCommitAsync(Offset end)
    {
        var commit = new CommitTask();
        var effects = EffectList.Rent();
        lock (_lock) _core.AwaitCommit(end, commit, slot: 0, effects);
        effects.RunAndReturn();
        return commit.Task;
    }

    /// <summary>The largest epoch not above <paramref name="epoch"/> and where it ended (KIP-101, KIP-279).</summary>
    public (LeaderEpoch Epoch, Offset End) EndOfEpoch(LeaderEpoch epoch)
    {
        lock (_lock)
        {
            var end = _core.EndOf(epoch);
            return (end.Epoch, end.End);
        }
    }

    public LeaderEpoch EpochAt(Offset offset)
    {
        lock (_lock) return _core.EpochAt(offset);
    }

    /// <summary>The first visible record at or after a time.</summary>
    public TimestampedOffset? FindByTimestamp(long timestampMs, ReadIsolation isolation) =>
        _log.FindByTimestamp(timestampMs, VisibleEnd(isolation));

    /// <summary>The first visible record with the largest timestamp.</summary>
    public TimestampedOffset? FindMaxTimestamp(ReadIsolation isolation) => _log.FindMaxTimestamp(VisibleEnd(isolation));

    /// <summary>The offset after the last record that a reader may see.</summary>
    public Offset VisibleEnd(ReadIsolation isolation) =>
        isolation == ReadIsolation.Committed ? LastStableOffset : HighWatermark;

    /// <summary>As <see cref="DeleteRecords"/>, for a client (KIP-107): -1 means all that is committed.</summary>
    /// <returns>POLICY_VIOLATION where the topic's cleanup.policy does not contain delete.</returns>
    public (ErrorCode Error, Offset LogStart) DeleteRecordsForClient(Offset end) => Config.Delete
        ? DeleteRecords(end == new Offset(-1) ? null : end)
        : (ErrorCode.PolicyViolation, Offset.None);

    /// <summary>Makes the records below <paramref name="end"/> unreadable; null means all that is committed.</summary>
    /// <returns>The log start, which never falls; OFFSET_OUT_OF_RANGE beyond the high watermark.</returns>
    public (ErrorCode Error, Offset LogStart) DeleteRecords(Offset? end)
    {
        try
        {
            lock (_lock)
            {
                if (_core.Availability is not ErrorCode.None and var unavailable) return (unavailable, Offset.None);
                var start = end ?? _core.HighWatermark;
                if (start < Offset.Zero || start > _core.HighWatermark) return (ErrorCode.OffsetOutOfRange, Offset.None);
                AdvanceLogStart(start);
                return (ErrorCode.None, _log.LogStartOffset);
            }
        }
        catch (LogStoreException)
        {
            return (ErrorCode.KafkaStorageError, Offset.None);
        }
    }

    /// <summary>Drops what the topic's retention no longer keeps, and producers that have been idle too long.</summary>
    /// <param name="producerIdExpirationMs">producer.id.expiration.ms.</param>
    /// <exception cref="LogStoreException">The log start could not be moved.</exception>
    public void ApplyRetention(long producerIdExpirationMs)
    {
        var config = _config;
        var nowMs = NowMs();
        if (config.Delete && (config.RetentionMs ?? config.RetentionBytes) is not null)
        {
            var start = _log.FindRetentionStart(nowMs - config.RetentionMs, config.RetentionBytes, HighWatermark);
            lock (_lock)
            {
                if (_core.Availability == ErrorCode.None) AdvanceLogStart(start);
            }
        }

        lock (_lock) _core.ExpireProducers(nowMs, producerIdExpirationMs);
    }

    /// <summary>The replica leaves this broker; its log stays until the store deletes it.</summary>
    /// <param name="error">What everybody gets who waits or comes later.</param>
    public void Close(ErrorCode error)
    {
        Action? left;
        var effects = EffectList.Rent();
        lock (_lock)
        {
            left = ToldOfSync;
            _core.Close(error, effects);
            Publish();
        }

        effects.RunAndReturn();
        left?.Invoke();
    }

    void IPartitionLogObserver.Restore(ReadOnlySpan<byte> snapshot)
    {
        lock (_lock) _core.Restore(snapshot);
    }

    void IPartitionLogObserver.ReplayAppend(in RecordBatchHeader header)
    {
        lock (_lock) _core.ReplayAppend(header, NowMs());
    }

    void IPartitionLogObserver.ReplayTruncate(Offset end)
    {
        lock (_lock) _core.ReplayTruncate(end);
    }

    Offset IPartitionLogObserver.WriteSnapshot(IBufferWriter<byte> output)
    {
        lock (_lock) return _core.WriteSnapshot(output);
    }

    void IPartitionLogObserver.OnDurable(Offset durableEnd)
    {
        Action? synced;
        var effects = EffectList.Rent();
        lock (_lock)
        {
            // What the log says now, not what it told: it may have been truncated since, and grown anew. Before it has a role this
            // replica may still be opening it.
            if (_state is not null) _core.Durable(_self, _log.DurableEndOffset, effects);
            Publish();
            synced = ToldOfSync;
        }

        effects.RunAndReturn();
        synced?.Invoke();
    }

    void IPartitionLogObserver.OnFailed(LogStoreException failure)
    {
        var effects = EffectList.Rent();
        lock (_lock) _core.FailWrites(effects);
        effects.RunAndReturn();
    }

    /// <returns>False where the journal's buffer is full or others wait for it: then the caller waits for its turn, for
    /// which it has been counted.</returns>
    private bool TryAppend(in Append append, bool isItsTurn, out AppendResult result)
    {
        var effects = EffectList.Rent();
        try
        {
            lock (_lock)
            {
                if (isItsTurn || _waitingForSpace == 0)
                {
                    if (TryAppendLocked(append, effects, out result)) return true;
                }

                result = default;
                if (!isItsTurn) _waitingForSpace++;
                return false;
            }
        }
        catch (LogStoreException failure)
        {
            result = AppendResult.Failed(ErrorCode.KafkaStorageError, failure.Message, LogStartOffset);
            return true;
        }
        finally
        {
            effects.RunAndReturn();
        }
    }

    private bool TryAppendLocked(in Append append, EffectList effects, out AppendResult result)
    {
        BatchMark? original = null;
        var error = append.OnlyIn is { } epoch && epoch != _core.LeaderEpoch
            ? ErrorCode.NotLeaderOrFollower
            : _core.CheckAppend(append.Batch.Header, append.Acks, append.MinInSync, out original);
        if (error != ErrorCode.None)
        {
            result = AppendResult.Failed(error, message: null, LogStartOffset);
            return true;
        }

        if (original is { } first)
        {
            if (append.Listener is not null)
            {
                _core.AwaitCommit(first.NextOffset, append.Listener, append.Slot, effects, append.MinInSync);
            }

            result = Appended(first.BaseOffset, first.NextOffset, first.TimestampMs);
            return true;
        }

        var header = append.Batch.Header with { BaseOffset = _core.LogEnd, PartitionLeaderEpoch = _core.LeaderEpoch };
        Span<byte> headerBytes = stackalloc byte[RecordBatchHeader.SizeBytes];
        header.Write(headerBytes);
        result = Appended(header.BaseOffset, header.NextOffset, header.MaxTimestamp);
        if (!_log.TryAppend(headerBytes, append.Batch.Records)) return false;
        _core.Appended(header, append.NowMs, append.Listener, append.Slot, effects, append.MinInSync);
        return true;
    }

    private async ValueTask<AppendResult> AppendInflatedAsync(
        ReadOnlySequence<byte> batch,
        RequiredAcks acks,
        ICommitListener? listener,
        int slot,
        LeaderEpoch? onlyIn,
        CancellationToken cancellationToken)
    {
        var config = _config;
        var nowMs = NowMs();
        var (intake, refused) =
            await BatchIntake.CheckInTurnAsync(batch, config, _store.MaxBatchBytes, nowMs, cancellationToken);
        var append = new Append(intake, acks, config.MinInSyncReplicas, nowMs, listener, slot, onlyIn);
        return await AppendAsync(append, refused, cancellationToken);
    }

    private ValueTask<AppendResult> AppendAsync(in Append append, AppendResult? refused, CancellationToken cancellationToken)
    {
        if (refused is { } refusal) return ValueTask.FromResult(refusal with { LogStartOffset = LogStartOffset });
        return TryAppend(append, isItsTurn: false, out var result)
            ? ValueTask.FromResult(result)
            : AppendInTurnAsync(append, cancellationToken);
    }

    private async ValueTask<AppendResult> AppendInTurnAsync(Append append, CancellationToken cancellationToken)
    {
        try
        {
            await _turn.WaitAsync(cancellationToken);
            try
            {
                AppendResult result;
                while (!TryAppend(append, isItsTurn: true, out result)) await _store.WaitForSpaceAsync(cancellationToken);
                return result;
            }
            finally
            {
                _turn.Release();
            }
        }
        finally
        {
            lock (_lock) _waitingForSpace--;
        }
    }

    private AppendResult Appended(Offset baseOffset, Offset next, long timestampMs) =>
        new(ErrorCode.None, null, default, baseOffset, next, _config.LogAppendTime ? timestampMs : -1, LogStartOffset);

    private void AdvanceLogStart(Offset start)
    {
        if (start <= _log.LogStartOffset) return;
        _log.AdvanceLogStart(start);
        _core.LogStartMoved(start);
    }

    private void Publish()
    {
        Volatile.Write(ref _highWatermark, _core.HighWatermark.Value);
        Volatile.Write(ref _leaderEpoch, _core.LeaderEpoch.Value);
        Volatile.Write(ref _knowsHighWatermark, _core.KnowsHighWatermark);
        Volatile.Write(ref _availability, (int)_core.Availability);
    }

    /// <summary>Of the wall clock: for what is compared with the timestamps of records.</summary>
    private long NowMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private readonly record struct Append(
        IntakeBatch Batch,
        RequiredAcks Acks,
        int MinInSync,
        long NowMs,
        ICommitListener? Listener,
        int Slot,
        LeaderEpoch? OnlyIn);
}
