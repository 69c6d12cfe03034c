namespace Loire.Log;

/// <summary>Keeps pages of the journal in memory while somebody sends from them. FASTER clears a page's memory, at the
/// earliest, when the page that takes its place is begun; whoever begins it waits until nobody sends from it any more. That
/// is as long as a system call takes which does not wait for the client.</summary>
/// <param name="pageCount">How many there are in memory, a power of two.</param>
/// <param name="firstPage">The one that is appended to first.</param>
internal sealed class PagePins(int pageCount, long firstPage)
{
    private readonly int[] _pins = new int[pageCount];
    private long _begun = firstPage;

    /// <summary>Keeps a page until <see cref="Unpin"/>.</summary>
    /// <returns>False when its memory may be another page's already.</returns>
    public bool TryPin(long page)
    {
        // The pin comes before the look at the newest page, and Begin looks in the other order: one of the two sees the other.
        Interlocked.Increment(ref _pins[Slot(page)]);
        if (page > Oldest(Volatile.Read(ref _begun)))
            return true;
        Unpin(page);
        return false;
    }

    public void Unpin(long page) => Interlocked.Decrement(ref _pins[Slot(page)]);

    /// <summary>Before an entry goes to a page. One caller at a time.</summary>
    public void Begin(long page)
    {
        if (page <= _begun)
            return;
        long oldest = Oldest(_begun);
        Interlocked.Exchange(ref _begun, page);
        var patience = new SpinWait();
        while (oldest < Oldest(page))
        {
            oldest++;
            while (Volatile.Read(ref _pins[Slot(oldest)]) != 0)
                patience.SpinOnce();
        }
    }

    /// <summary>The newest page that is given up as another one is begun: FASTER keeps one page less than it has memory for.</summary>
    private long Oldest(long begun) => begun - (_pins.Length - 1);

    private int Slot(long page) => (int)(page & (_pins.Length - 1));
}
