using System.Buffers;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Broker.Replication;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>The replica among its peers: roles, what a leader gives to followers, what a follower takes.</summary>
public sealed partial class PartitionReplica : IFollowerReplica
{
    private PartitionState? _state;
    private volatile Action? _synced;

    /// <inheritdoc/>
    public Action? Synced
    {
        get => _synced;
        set => _synced = value;
    }

    /// <summary>Null where this replica does not follow.</summary>
    private Action? ToldOfSync => _core.FollowedLeader == NodeId.None ? null : _synced;

    /// <inheritdoc/>
    public bool IsThrottled => !_config.FollowerThrottledReplicas.IsEmpty
        && _config.FollowerThrottledReplicas.Contains(Partition.Partition, _self)
        && IsOutOfSync(_self);

    /// <summary>Takes the role that the controller gave this replica. States not newer than the last one change nothing,
    /// so they may come late, twice and in any order.</summary>
    public void Apply(PartitionState state)
    {
        Action? left;
        var effects = EffectList.Rent();
        lock (_lock)
        {
            if (_state is { } known && state.PartitionEpoch <= known.PartitionEpoch) return;
            var isSameLeadership = _state is { } last && last.LeaderEpoch == state.LeaderEpoch;
            left = isSameLeadership ? null : ToldOfSync;
            _state = state;
            if (isSameLeadership)
            {
                if (state.Leader == _self) _core.Confirmed(state, effects);
            }
            else if (state.Leader == _self)
            {
                var highWatermark = Offset.Max(HighWatermark, _log.LogStartOffset);
                var leader = new LeaderState(state, _log.LogEndOffset, highWatermark, _time.ElapsedMs());
                _core.BecomeLeader(leader, _log.LogEndOffset, _log.DurableEndOffset);
            }
            else
            {
                _core.BecomeFollower(new FollowerState(state.Leader, state.LeaderEpoch, HighWatermark), effects);
            }

            Publish();
        }

        effects.RunAndReturn();
        left?.Invoke();
    }

    /// <summary>Before another takes the lead: no more batches are taken, followers catch up.</summary>
    public void Resign()
    {
        lock (_lock) _core.Resign();
    }

    /// <summary>Whether, as a leader, it is to be slowed down for a follower that catches up (KIP-73).</summary>
    public bool IsThrottledFor(NodeId follower) => !_config.LeaderThrottledReplicas.IsEmpty
        && _config.LeaderThrottledReplicas.Contains(Partition.Partition, _self)
        && IsOutOfSync(follower);

    private bool IsOutOfSync(NodeId replica) => Volatile.Read(ref _state)?.InSync.Contains(replica) == false;

    /// <summary>Answers a follower, and notes how far it has come.</summary>
    /// <returns>NONE, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, NOT_LEADER_OR_FOLLOWER, OFFSET_OUT_OF_RANGE, or why the
    /// partition is closed.</returns>
    public FollowerRead ReadAsFollower(NodeId follower, in FetchPosition position, int maxBytes, bool atLeastOne)
    {
        InSyncProposal? proposal;
        Offset highWatermark;
        Offset logEnd;
        var effects = EffectList.Rent();
        lock (_lock)
        {
            var error = _core.CheckFetch(follower, position, out var diverging);
            logEnd = _log.LogEndOffset;
            if (error == ErrorCode.None && diverging is null
                && (position.Offset > logEnd || position.Offset < _log.LogStartOffset))
            {
                error = ErrorCode.OffsetOutOfRange;
            }

            if (error != ErrorCode.None || diverging is not null)
            {
                return new FollowerRead(error, diverging, null, HighWatermark, _log.LogStartOffset) { LogEndOffset = logEnd };
            }

            proposal = _core.Fetched(follower, Offset.Min(position.DurableEnd, position.Offset), _time.ElapsedMs(), effects);
            Publish();
            highWatermark = _core.HighWatermark;
        }

        effects.RunAndReturn();
        Propose(proposal);
        var read = _log.Read(position.Offset, logEnd, maxBytes, atLeastOne);
        var readError = ErrorOf(read.Status);
        return new FollowerRead(readError, null, read.Records, highWatermark, LogStartOffset) { LogEndOffset = logEnd };
    }

    /// <summary>Tells the listener of what a follower has not seen yet, until <see cref="Unwatch"/>: what is appended and,
    /// where asked for, each rise of the high watermark.</summary>
    /// <param name="seenEnd">The log end when it was read.</param>
    /// <param name="seenHighWatermark">Null for not to be told of it.</param>
    public void WatchAsFollower(FetchWatch watch, IFetchListener listener, Offset seenEnd, Offset? seenHighWatermark) =>
        Watch(watch, listener, seenHighWatermark, seenEnd, readsFollower: false);

    /// <summary>Asks the controller to drop followers from the in-sync set that have fallen behind, and repeats what it has
    /// not answered. To be called a few times per lag time.</summary>
    /// <param name="lagMaxMs">replica.lag.time.max.ms.</param>
    public void CheckLag(long lagMaxMs)
    {
        InSyncProposal? proposal;
        var effects = EffectList.Rent();
        lock (_lock)
        {
            proposal = _core.CheckLag(_time.ElapsedMs(), lagMaxMs, effects);
            Publish();
        }

        effects.RunAndReturn();
        Propose(proposal);
    }

    /// <inheritdoc/>
    public bool IsFollowing(NodeId leader)
    {
        lock (_lock) return _core.Availability == ErrorCode.NotLeaderOrFollower && _core.FollowedLeader == leader;
    }

    /// <inheritdoc/>
    public FetchPosition GetFetchPosition()
    {
        lock (_lock)
        {
            var end = _log.LogEndOffset;
            var epoch = end > _log.LogStartOffset ? _core.EpochAt(new Offset(end.Value - 1)) : LeaderEpoch.None;
            return new FetchPosition(end, Offset.Min(_log.DurableEndOffset, end), epoch, _core.LeaderEpoch);
        }
    }

    /// <inheritdoc/>
    public FetchedOutcome TakeFetched(in FetchPosition asked, in FollowerRead answer, in ReadOnlySequence<byte> records)
    {
        var effects = EffectList.Rent();
        try
        {
            lock (_lock)
            {
                var isCurrent = _core.FollowedLeader != NodeId.None
                    && _core.LeaderEpoch == asked.LeaderEpoch
                    && _log.LogEndOffset == asked.Offset;
                if (!isCurrent || _core.Availability != ErrorCode.NotLeaderOrFollower) return FetchedOutcome.Outdated;
                var outcome = Take(answer, records, asked.LeaderEpoch, effects);
                Publish();
                return outcome;
            }
        }
        catch (RecordsException)
        {
            return FetchedOutcome.Corrupt;
        }
        catch (LogStoreException)
        {
            return FetchedOutcome.Failed;
        }
        finally
        {
            effects.RunAndReturn();
        }
    }

    private FetchedOutcome Take(
        in FollowerRead answer, in ReadOnlySequence<byte> records, LeaderEpoch leaderEpoch, EffectList effects)
    {
        if (answer.Error == ErrorCode.OffsetOutOfRange) return Reset(answer.LogStartOffset);
        if (answer.Diverging is { } diverging)
        {
            var end = _core.FindTruncation(diverging);

            // What would be left the leader has deleted: it cannot say any more whether it is the same.
            var isAllDeleted = end <= answer.LogStartOffset && _log.LogStartOffset < answer.LogStartOffset;
            if (end < _log.LogStartOffset || isAllDeleted) return Reset(answer.LogStartOffset);
            Truncate(end);
            return FetchedOutcome.Taken;
        }

        // First, so that no crash brings back what is deleted under what follows it.
        AdvanceLogStart(Offset.Min(answer.LogStartOffset, _log.LogEndOffset));
        var outcome = AppendFetched(records, leaderEpoch);
        _core.LearnHighWatermark(answer.HighWatermark, _log.DurableEndOffset, effects);
        return outcome;
    }

    /// <summary>Gives up the whole log and goes on from where the leader's starts. Either the leader has deleted what would
    /// come next here; or, after an unclean election, it lacks all that is here.</summary>
    private FetchedOutcome Reset(Offset leaderStart)
    {
        if (leaderStart < Offset.Zero) return FetchedOutcome.Corrupt;
        if (leaderStart <= _log.LogEndOffset) Truncate(Offset.Zero);
        AdvanceLogStart(leaderStart);
        return FetchedOutcome.Reset;
    }

    private void Truncate(Offset end)
    {
        _log.TruncateTo(end);
        _core.Truncated(_log.LogEndOffset);
    }

    /// <summary>Appends batches as the leader sent them. A batch may be of an earlier leader, but not of a later one than
    /// the one that was asked.</summary>
    private FetchedOutcome AppendFetched(in ReadOnlySequence<byte> records, LeaderEpoch leaderEpoch)
    {
        Span<byte> headerBytes = stackalloc byte[RecordBatchHeader.SizeBytes];
        var nowMs = NowMs();
        var reader = new RecordBatchReader(records);
        long position = 0;
        while (reader.TryRead(out var header, out var payload))
        {
            var batch = records.Slice(position, header.TotalSizeBytes);
            position += header.TotalSizeBytes;
            if (!Continues(header)
                || header.PartitionLeaderEpoch > leaderEpoch
                || !RecordBatchValidator.HasRightChecksum(batch, header))
            {
                return FetchedOutcome.Corrupt;
            }

            header.Write(headerBytes);
            if (!_log.TryAppend(headerBytes, payload)) return FetchedOutcome.Full;
            _core.ReplayAppend(header, nowMs);
        }

        return FetchedOutcome.Taken;
    }

    /// <summary>Whether a batch is the next one; in an empty log it may be one that began below the log start.</summary>
    private bool Continues(in RecordBatchHeader header)
    {
        var end = _log.LogEndOffset;
        return header.BaseOffset == end
            || (end == _log.LogStartOffset && header.BaseOffset < end && header.NextOffset > end);
    }

    private void Propose(InSyncProposal? proposal)
    {
        if (proposal is not null) _control?.Propose(Partition, proposal);
    }
}
