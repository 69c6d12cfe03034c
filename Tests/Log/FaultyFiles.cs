using Loire.Log;
using Microsoft.Extensions.Logging;

namespace Loire.Tests.Log;

/// <summary>The journal's files on a disk that breaks, is full or slow when a test says so.</summary>
internal sealed class FaultyFiles(string directory, JournalGeometry geometry, ILogger logger)
    : JournalFiles(directory, geometry, logger)
{
    public volatile bool FailWrites;
    public volatile int FailAllocationsFrom = int.MaxValue;
    private ManualResetEventSlim? _held;
    private int _failedAllocations;
    private int _writesUnderWay;

    public int FailedAllocations => Volatile.Read(ref _failedAllocations);
    public int WritesUnderWay => Volatile.Read(ref _writesUnderWay);

    public void HoldNextWrite(ManualResetEventSlim until) => Volatile.Write(ref _held, until);

    public override void Allocate(int segment)
    {
        if (segment >= FailAllocationsFrom)
        {
            Interlocked.Increment(ref _failedAllocations);
            throw new IOException("full disk");
        }
        base.Allocate(segment);
    }

    public override void Write(int segment, long offset, ReadOnlySpan<byte> bytes)
    {
        if (FailWrites)
            throw new IOException("broken disk");
        Interlocked.Increment(ref _writesUnderWay);
        Interlocked.Exchange(ref _held, null)?.Wait(Eventually.Patience);
        base.Write(segment, offset, bytes);
        Interlocked.Decrement(ref _writesUnderWay);
    }
}
