namespace Loire.Broker.Handlers.Fetching;

/// <summary>The partitions of a fetch or of a session, each of them once.</summary>
internal sealed class FetchPartitionSet
{
    private readonly Dictionary<FetchKey, FetchPartition> _byKey = [];

    /// <summary>In the order they are read.</summary>
    public List<FetchPartition> InOrder { get; } = [];
    public int Count => InOrder.Count;

    /// <summary>Adds a partition, or takes over what the client asks for now: of a request that names one twice the last
    /// counts, as in Kafka.</summary>
    public void Set(FetchPartition asked)
    {
        if (_byKey.TryAdd(asked.Key, asked))
        {
            InOrder.Add(asked);
            return;
        }

        var known = _byKey[asked.Key];
        known.FetchOffset = asked.FetchOffset;
        known.DurableEnd = asked.DurableEnd;
        known.MaxBytes = asked.MaxBytes;
        known.CurrentLeaderEpoch = asked.CurrentLeaderEpoch;
        known.LastFetchedEpoch = asked.LastFetchedEpoch;
    }

    public void Forget(IEnumerable<FetchKey> keys)
    {
        var any = false;
        foreach (var key in keys)
        {
            if (!_byKey.Remove(key, out var partition)) continue;
            partition.IsForgotten = true;
            any = true;
        }

        if (any) InOrder.RemoveAll(partition => partition.IsForgotten);
    }

    /// <summary>Lets those that got nothing this time go first the next time.</summary>
    public void Rotate()
    {
        var served = InOrder.FindAll(static partition => partition.WasServed);
        if (served.Count == 0 || served.Count == Count) return;
        InOrder.RemoveAll(static partition => partition.WasServed);
        InOrder.AddRange(served);
    }
}
