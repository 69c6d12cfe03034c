using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>The fetch sessions of a broker (KIP-227). When all slots are taken, a new session takes the place of one
/// that has not been used for two minutes, or else of the smallest one that has lived that long and is smaller than
/// itself; if there is none, the client fetches without a session. Thread-safe.</summary>
internal sealed class FetchSessionCache(Func<int> newId)
{
    private const long EvictionMs = 120_000;
    private readonly Lock _lock = new();
    private readonly Dictionary<int, FetchSession> _sessions = [];

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
    public ErrorCode TryTake(int id, int epoch, bool usesTopicIds, long nowMs, out FetchSession? session)
    {
        lock (_lock)
        {
            if (!_sessions.TryGetValue(id, out session)) return ErrorCode.FetchSessionIdNotFound;
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

    public void Remove(int id)
    {
        lock (_lock) _sessions.Remove(id);
    }

    /// <summary>Keeps the partitions of a full fetch in a new session.</summary>
    /// <param name="slots">max.incremental.fetch.session.cache.slots.</param>
    /// <returns>Null where there is no place for it.</returns>
    public FetchSession? Create(List<FetchPartition> partitions, bool usesTopicIds, int slots, long nowMs)
    {
        lock (_lock)
        {
            if (_sessions.Count >= slots && !TryEvict(partitions.Count, nowMs)) return null;
            int id;
            do id = newId();
            while (id <= 0 || _sessions.ContainsKey(id));

            var session = new FetchSession(id, usesTopicIds, nowMs);
            foreach (var partition in partitions) session.Set(partition);
            _sessions.Add(id, session);
            return session;
        }
    }

    private bool TryEvict(int newSize, long nowMs)
    {
        if (_sessions.Count == 0) return false;
        var victim = _sessions.Values.MinBy(session => session.LastUsedMs)!;
        if (nowMs - victim.LastUsedMs <= EvictionMs)
        {
            victim = _sessions.Values
                .Where(session => nowMs - session.CreatedMs > EvictionMs && session.Partitions.Count < newSize)
                .MinBy(session => session.Partitions.Count);
        }

        return victim is not null && _sessions.Remove(victim.Id);
    }
}
