namespace Loire.Log;

/// <summary>The stretches without entries that what is durable has not passed yet: the rest of a page in which the next entry
/// did not fit, and what lies before the sector where a start went on. Under the journal's append lock.</summary>
internal sealed class JournalGaps
{
    private readonly Queue<(long From, long Until)> _gaps = new();

    /// <param name="from">Where the last entry before it ends, or earlier.</param>
    /// <param name="until">Where the next entry stands.</param>
    public void Add(long from, long until) => _gaps.Enqueue((from, until));

    /// <summary>How far entries are durable where the journal is up to an address. A scan that ends before a gap must not
    /// take it for the loss of something durable that the gap is: the entry behind it may be torn.</summary>
    /// <param name="durableUntil">Never less than before.</param>
    public long EntriesDurableUntil(long durableUntil)
    {
        while (_gaps.TryPeek(out var gap) && gap.From < durableUntil)
        {
            if (durableUntil <= gap.Until)
                return gap.From;
            _gaps.Dequeue();
        }
        return durableUntil;
    }
}
