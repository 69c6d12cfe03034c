using Microsoft.Extensions.Logging.Abstractions;

namespace Loire.Log;

/// <summary>Reads an open journal's files behind the back of its readers: at a bounded rate, and much slower still while
/// they read themselves. Keeps one file open, so that one which is removed meanwhile gives its space back soon.</summary>
internal sealed class PacedFiles(JournalFiles served, CancellationToken stopping)
    : JournalFiles(served.Directory, served.Geometry, NullLogger.Instance)
{
    /// <summary>64 MB/s: this much, then a pause.</summary>
    private const int StretchBytes = 1 << 20;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(16);

    /// <summary>How long after a read its readers are taken to be at work, and how long they are given way at most.</summary>
    private static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan GiveWay = TimeSpan.FromSeconds(1);

    private int _segment = -1;
    private int _stretch;

    /// <exception cref="OperationCanceledException">The journal is being closed.</exception>
    public override void Read(long address, Span<byte> destination)
    {
        int segment = Geometry.SegmentOf(address);
        if (segment != _segment)
            EndReads(_segment);
        _segment = segment;
        _stretch += destination.Length;
        if (_stretch >= StretchBytes)
            Rest();
        stopping.ThrowIfCancellationRequested();
        base.Read(address, destination);
    }

    private void Rest()
    {
        _stretch = 0;
        var rested = TimeSpan.Zero;
        do
        {
            stopping.WaitHandle.WaitOne(Pause);
            rested += Pause;
        }
        while (rested < GiveWay && served.WasReadWithin(Busy) && !stopping.IsCancellationRequested);
    }
}
