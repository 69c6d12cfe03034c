using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Replication;

/// <summary>Follows one leader broker for all partitions that it leads and this broker replicates: what to ask next and
/// what to do with each answer. One request at a time is under way. The driver sends it, reports the answer or the
/// failure, and asks again then, when a replica's log was synced, when one was added, and at
/// <see cref="NextAttemptMs"/>. Not thread-safe.
/// <para>A request that the leader holds for want of news could not tell it of a sync meanwhile, which producers wait for.
/// So the core lets a request wait only where all logs are synced. While much comes in it reads ahead: it asks for the next
/// records before the last ones are synced, with a request that does not wait.</para></summary>
public sealed class ReplicaFetcherCore(NodeId leader, ReadAhead readAhead)
{
    private const long FirstBackoffMs = 50;
    private const long LongestBackoffMs = 1_000;
    private const int NoSession = 0;

    private readonly Dictionary<TopicIdPartition, Followed> _partitions = [];
    private readonly List<FetchTrouble> _troubles = [];
    private int _sessionId;
    private int _sessionEpoch;
    private bool _isAsking;
    private Backoff _link;

    /// <summary>The last answer was so large that there is likely more by now.</summary>
    private bool _isBehind;

    /// <summary>What was taken since all logs were marked last.</summary>
    private long _takenBytes;

    /// <summary>Bounds what replicas take that are throttled; null for no bound.</summary>
    public ReplicationThrottle? Throttle { get; init; }

    /// <summary>When <see cref="NextRequest"/> is worth calling again though nothing happened.</summary>
    public long NextAttemptMs { get; private set; } = long.MaxValue;

    /// <summary>What the last answer brought that keeps a partition from going on and did not do so before. For people: the
    /// core tries again by itself.</summary>
    public IReadOnlyList<FetchTrouble> Troubles => _troubles;

    /// <summary>Follows a partition, or forgets the errors of one that has a new state. Partitions whose replica does not
    /// follow this leader any more drop out by themselves.</summary>
    /// <returns>Whether it waits for the next request: the one under way, or the session, does not have it.</returns>
    public bool Add(IFollowerReplica replica)
    {
        if (_partitions.TryGetValue(replica.Partition, out var known) && ReferenceEquals(known.Replica, replica))
        {
            known.Errors = default;
            return !known.IsInSession;
        }

        _partitions[replica.Partition] = new Followed(replica);
        return true;
    }

    /// <returns>Null while there is nothing to ask, an answer is awaited, or a replica's log is still to be synced.</returns>
    public ReplicaFetchRequest? NextRequest(long nowMs)
    {
        NextAttemptMs = long.MaxValue;
        if (_isAsking) return null;
        if (nowMs < _link.UntilMs)
        {
            NextAttemptMs = _link.UntilMs;
            return null;
        }

        var asked = new List<KeyValuePair<TopicIdPartition, FetchPosition>>();
        var forgotten = new List<TopicIdPartition>();
        if (!Collect(asked, forgotten, nowMs, out var isSynced)) return null;
        if (!_partitions.Values.Any(partition => partition.IsInSession))
        {
            EndSession();
            return null;
        }

        _isAsking = true;
        return new ReplicaFetchRequest(_sessionId, _sessionEpoch, asked, forgotten, Waits: isSynced);
    }

    /// <summary>The answer to the request under way. The records are not needed any more when it returns.</summary>
    public void Answered(ReplicaFetchAnswer answer, long nowMs)
    {
        _isAsking = false;
        _troubles.Clear();
        if (answer.Error != ErrorCode.None)
        {
            // A session that is lost, as with a restart of the leader, is simply opened anew.
            if (answer.Error is not (ErrorCode.FetchSessionIdNotFound or ErrorCode.InvalidFetchSessionEpoch))
            {
                _link.Extend(nowMs);
            }

            EndSession();
            return;
        }

        _link = default;
        long bytes = 0;
        foreach (var fetched in answer.Partitions)
        {
            bytes += fetched.Records.Length;
            if (_partitions.TryGetValue(fetched.Partition, out var partition)) Take(partition, fetched, nowMs);
        }

        _isBehind = bytes >= readAhead.FromBytes;
        _takenBytes += bytes;

        if (answer.SessionId == NoSession)
        {
            EndSession();
            return;
        }

        _sessionId = answer.SessionId;
        _sessionEpoch = _sessionEpoch == int.MaxValue ? 1 : _sessionEpoch + 1;
    }

    /// <summary>The driver waits no longer for the answer, to ask for more than the request under way does.</summary>
    public void GivenUp()
    {
        _isAsking = false;
        EndSession();
    }

    /// <summary>The request got no answer: the connection broke or the leader is silent.</summary>
    public void Failed(long nowMs)
    {
        _isAsking = false;
        _link.Extend(nowMs);
        EndSession();
    }

    /// <returns>False where logs are to be synced before more is asked.</returns>
    private bool Collect(
        List<KeyValuePair<TopicIdPartition, FetchPosition>> asked,
        List<TopicIdPartition> forgotten,
        long nowMs,
        out bool isSynced)
    {
        isSynced = true;
        var isMarkSynced = true;
        var positions = new List<(TopicIdPartition Id, Followed Partition, FetchPosition? Position)>(_partitions.Count);
        foreach (var (id, partition) in _partitions)
        {
            var follows = partition.Replica.IsFollowing(leader);
            var dueMs = Math.Max(partition.Errors.UntilMs, ThrottledUntilMs(partition.Replica, nowMs));
            var isDue = follows && nowMs >= dueMs;
            FetchPosition? position = isDue ? partition.Replica.GetFetchPosition() : null;
            if (position is { } due)
            {
                isSynced &= due.IsSynced;
                isMarkSynced &= due.IsSynced || due.DurableEnd >= partition.Mark;
            }

            if (follows && !isDue) NextAttemptMs = Math.Min(NextAttemptMs, dueMs);
            positions.Add((id, partition, position));
        }

        if (isMarkSynced)
        {
            _takenBytes = 0;
            foreach (var (_, partition, position) in positions) partition.Mark = position?.Offset ?? Offset.None;
        }

        if (!isSynced && !(_isBehind && _takenBytes < readAhead.LimitBytes)) return false;
        foreach (var (id, partition, position) in positions)
        {
            if (position is { } from)
            {
                if (!partition.IsInSession || from != partition.Position) asked.Add(new(id, from));
                partition.Position = from;
                partition.IsInSession = true;
                continue;
            }

            if (partition.IsInSession) forgotten.Add(id);
            partition.IsInSession = false;
            if (!partition.Replica.IsFollowing(leader)) _partitions.Remove(id);
        }

        return true;
    }

    private void Take(Followed partition, in FetchedPartition fetched, long nowMs)
    {
        if (!partition.IsInSession) return;
        var error = fetched.Read.Error;
        var outcome = error is ErrorCode.None or ErrorCode.OffsetOutOfRange
            ? partition.Replica.TakeFetched(partition.Position, fetched.Read, fetched.Records)
            : FetchedOutcome.Refused;
        if (partition.Replica.IsThrottled) Throttle?.Take(fetched.Records.Length, nowMs);
        var isWell = outcome is FetchedOutcome.Taken or FetchedOutcome.Outdated;
        if (!isWell && !partition.Errors.IsExtended)
        {
            _troubles.Add(new FetchTrouble(fetched.Partition, partition.Position, error, outcome));
        }

        if (isWell || outcome == FetchedOutcome.Reset) partition.Errors = default;
        else partition.Errors.Extend(nowMs);
    }

    private long ThrottledUntilMs(IFollowerReplica replica, long nowMs) =>
        Throttle is not null && replica.IsThrottled ? Throttle.AskAgainAtMs(nowMs) : 0;

    private void EndSession()
    {
        _sessionId = NoSession;
        _sessionEpoch = 0;
        foreach (var partition in _partitions.Values) partition.IsInSession = false;
    }

    private struct Backoff
    {
        private long _nextMs;

        public long UntilMs { get; private set; }
        public readonly bool IsExtended => _nextMs != 0;

        public void Extend(long nowMs)
        {
            _nextMs = _nextMs == 0 ? FirstBackoffMs : Math.Min(LongestBackoffMs, _nextMs * 2);
            UntilMs = nowMs + _nextMs;
        }
    }

    private sealed class Followed(IFollowerReplica replica)
    {
        public IFollowerReplica Replica { get; } = replica;

        /// <summary>What the session knows, and what the request under way asks.</summary>
        public FetchPosition Position { get; set; }
        public bool IsInSession { get; set; }

        /// <summary>Its log end when all logs were marked last: a log that is synced up to there has room for more.</summary>
        public Offset Mark { get; set; } = Offset.None;
        public Backoff Errors;
    }
}
