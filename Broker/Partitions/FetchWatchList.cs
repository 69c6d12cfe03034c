namespace Loire.Broker.Partitions;

/// <summary>The fetches that wait for a partition, in no promised order.</summary>
internal struct FetchWatchList
{
    private FetchWatch? _first;

    public readonly FetchWatch? First => _first;

    public void Add(FetchWatch watch)
    {
        watch.IsListed = true;
        watch.Previous = null;
        watch.Next = _first;
        _first?.Previous = watch;
        _first = watch;
    }

    public void Remove(FetchWatch watch)
    {
        if (!watch.IsListed) return;
        if (watch.Previous is { } previous) previous.Next = watch.Next;
        else _first = watch.Next;
        watch.Next?.Previous = watch.Previous;
        watch.Previous = null;
        watch.Next = null;
        watch.IsListed = false;
    }
}
