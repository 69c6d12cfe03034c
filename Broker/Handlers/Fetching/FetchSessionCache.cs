using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>The fetch sessions of a broker (KIP-227). When all slots are taken, a new session takes the place of one
/// that has not been used for two minutes, or else of the smallest one that has lived that long and is smaller than
/// itself; if there is none, the client fetches without a session. The same holds when the sessions together have as many
/// partitions as there is memory for. Followers have one session each beside them. Thread-safe.</summary>
/// <param name="partitionsMax">See <see cref="PartitionsMax"/>.</param>
internal sealed class FetchSessionCache(Func<int> newId, int partitionsMax = FetchSessionCache.PartitionsMax)
{
    /// <summary>Partitions of all consumers' sessions together: each takes about 350 bytes, be it known or not.</summary>
    public const int PartitionsMax = 500_000;
    private const long EvictionMs = 120_000;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, FetchSession> _sessions = [];
    private readonly Dictionary<NodeId, FetchSession> _ofFollowers = [];
    private int _partitionCount;

    public int Count
    {
        get
        {
            lock (_lock) return _sessions.Count;
        }
    }

    /// <summary>Finds the session of an incremental request and takes it into use until <see cref="Return"/>.</summary>
    /// <returns>NONE, FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH (also while another request uses the
    /// session) or FETCH_SESSION_TOPIC_ID_ERROR.</returns>
    public ErrorCode TryTake(
        int id, int epoch, bool usesTopicIds, NodeId follower, long nowMs, out FetchSession? session)
    {
        lock (_lock)
        {
            if (Find(id, follower) is not { } found)
            {
                session = null;
                return ErrorCode.FetchSessionIdNotFound;
            }

            session = found;
            if (session.IsInUse || session.NextEpoch != epoch) return ErrorCode.InvalidFetchSessionEpoch;
            if (session.UsesTopicIds != usesTopicIds) return ErrorCode.FetchSessionTopicIdError;
            session.IsInUse = true;
            session.NextEpoch = FetchSession.EpochAfter(epoch);
            session.LastUsedMs = nowMs;
            return ErrorCode.None;
        }
    }

    public void Return(FetchSession session)
    {
        lock (_lock) session.IsInUse = false;
    }

    public void Remove(int id, NodeId follower)
    {
        lock (_lock)
        {
            if (Find(id, follower) is { } session) Drop(session);
        }
    }

    /// <summary>Counts the partitions of a session anew after they have changed.</summary>
    /// <returns>False where the session has ended: it has no partitions left, or too many, or was evicted.</returns>
    public bool TryKeep(FetchSession session)
    {
        lock (_lock)
        {
            if (Find(session.Id, session.Follower) != session) return false;
            SetCounted(session, session.Partitions.Count);
            if (session.Partitions.Count > 0 && _partitionCount <= partitionsMax) return true;
            Drop(session);
            return false;
        }
    }

    /// <summary>Keeps the partitions of a full fetch in a new session. A follower's takes the place of its last
    /// one.</summary>
    /// <param name="slots">max.incremental.fetch.session.cache.slots.</param>
    /// <returns>Null where there is no place for it.</returns>
    public FetchSession? Create(FetchPartitionSet partitions, bool usesTopicIds, NodeId follower, int slots, long nowMs)
    {
        lock (_lock)
        {
            if (_ofFollowers.TryGetValue(follower, out var last)) Drop(last);
            if (follower == NodeId.None && !TryMakeRoom(partitions.Count, slots, nowMs)) return null;

            int id;
            do id = newId();
            while (id <= 0 || _sessions.ContainsKey(id));

            var session = new FetchSession(id, partitions, usesTopicIds, follower, nowMs);
            _sessions.Add(id, session);
            if (follower != NodeId.None) _ofFollowers.Add(follower, session);
            SetCounted(session, partitions.Count);
            return session;
        }
    }

    private bool TryMakeRoom(int newSize, int slots, long nowMs)
    {
        if (newSize > partitionsMax) return false;
        while (_sessions.Count - _ofFollowers.Count >= slots || newSize > partitionsMax - _partitionCount)
        {
            if (!TryEvict(newSize, nowMs)) return false;
        }

        return true;
    }

    private bool TryEvict(int newSize, long nowMs)
    {
        var sessions = _sessions.Values.Where(session => session.Follower == NodeId.None);
        if (sessions.MinBy(session => session.LastUsedMs) is not { } victim) return false;
        if (nowMs - victim.LastUsedMs <= EvictionMs)
        {
            victim = sessions
                .Where(session => nowMs - session.CreatedMs > EvictionMs && session.CountedPartitions < newSize)
                .MinBy(session => session.CountedPartitions);
        }

        if (victim is null) return false;
        Drop(victim);
        return true;
    }

    private void Drop(FetchSession session)
    {
        _sessions.Remove(session.Id);
        _ofFollowers.Remove(session.Follower);
        SetCounted(session, 0);
    }

    /// <summary>Followers prove who they are, and have no more partitions than there are.</summary>
    private void SetCounted(FetchSession session, int partitions)
    {
        if (session.Follower != NodeId.None) return;
        _partitionCount += partitions - session.CountedPartitions;
        session.CountedPartitions = partitions;
    }

    /// <summary>Nobody uses another's session, should he guess its id.</summary>
    private FetchSession? Find(int id, NodeId follower) =>
        _sessions.TryGetValue(id, out var session) && session.Follower == follower ? session : null;
}
