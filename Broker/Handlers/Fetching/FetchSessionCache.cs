using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>The fetch sessions of a broker (KIP-227). When all slots are taken, a new session takes the place of one
/// that has not been used for two minutes, or else of the smallest one that has lived that long and is smaller than
/// itself; if there is none, the client fetches without a session. Followers have one session each beside them.
/// Thread-safe.</summary>
internal sealed class FetchSessionCache(Func<int> newId)
{
    private const long EvictionMs = 120_000;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, FetchSession> _sessions = [];
    private readonly Dictionary<NodeId, FetchSession> _ofFollowers = [];

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
            if (Find(id, follower) is null) return;
            _sessions.Remove(id);
            _ofFollowers.Remove(follower);
        }
    }

    /// <summary>Keeps the partitions of a full fetch in a new session. A follower's takes the place of its last
    /// one.</summary>
    /// <param name="slots">max.incremental.fetch.session.cache.slots.</param>
    /// <returns>Null where there is no place for it.</returns>
    public FetchSession? Create(
        List<FetchPartition> partitions, bool usesTopicIds, NodeId follower, int slots, long nowMs)
    {
        lock (_lock)
        {
            if (_ofFollowers.Remove(follower, out var last)) _sessions.Remove(last.Id);
            if (follower == NodeId.None && _sessions.Count - _ofFollowers.Count >= slots && !TryEvict(partitions.Count, nowMs))
            {
                return null;
            }

            int id;
            do id = newId();
            while (id <= 0 || _sessions.ContainsKey(id));

            var session = new FetchSession(id, usesTopicIds, follower, nowMs);
            foreach (var partition in partitions) session.Set(partition);
            _sessions.Add(id, session);
            if (follower != NodeId.None) _ofFollowers.Add(follower, session);
            return session;
        }
    }

    private bool TryEvict(int newSize, long nowMs)
    {
        var sessions = _sessions.Values.Where(session => session.Follower == NodeId.None);
        if (sessions.MinBy(session => session.LastUsedMs) is not { } victim) return false;
        if (nowMs - victim.LastUsedMs <= EvictionMs)
        {
            victim = sessions
                .Where(session => nowMs - session.CreatedMs > EvictionMs && session.Partitions.Count < newSize)
                .MinBy(session => session.Partitions.Count);
        }

        return victim is not null && _sessions.Remove(victim.Id);
    }

    /// <summary>Nobody uses another's session, should he guess its id.</summary>
    private FetchSession? Find(int id, NodeId follower) =>
        _sessions.TryGetValue(id, out var session) && session.Follower == follower ? session : null;
}
