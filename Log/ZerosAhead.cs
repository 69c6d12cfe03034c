namespace Loire.Log;

/// <summary>Which zeros to write ahead of the journal's tail, on an idle device. The space of a new file is only claimed, and
/// the first synced write to a place of it has the file system commit its own metadata, too: for a small write most of the
/// time. Zeros do that for many small writes at once; large ones would pay more for them than they save. Zeros go beyond all
/// that the device was ever given, and who comes to where some are under way waits until they are written: they never take
/// the place of an entry. Not thread-safe.</summary>
internal sealed class ZerosAhead(int segmentBytes)
{
    /// <summary>As much is written at a time, and at least as much kept ahead. More at a time keeps writes waiting that come
    /// meanwhile.</summary>
    public const int ChunkBytes = 512 << 10;

    private const int SmallWriteBytes = 128 << 10;

    /// <summary>One small write among large ones, as where a page ends, does not count.</summary>
    private const int SmallWritesInARow = 4;

    private long _end;
    private long _zeroUntil;
    private long _from;
    private int _underWay;
    private int _smallWrites;

    /// <summary>The device was given a write.</summary>
    public void NoteWrite(long address, long sizeBytes)
    {
        _end = Math.Max(_end, address + sizeBytes);
        _smallWrites = sizeBytes <= SmallWriteBytes ? _smallWrites + 1 : 0;
    }

    /// <summary>Begins a stretch of zeros, within the file that the last write went to; <see cref="End"/> follows.</summary>
    /// <returns>False where none are wanted now.</returns>
    public bool TryBegin(out long address, out int sizeBytes)
    {
        address = Math.Max(_zeroUntil, _end);
        sizeBytes = 0;
        if (_smallWrites < SmallWritesInARow || _underWay > 0 || address - _end >= ChunkBytes)
            return false;
        long fileEnd = (_end + segmentBytes - 1) / segmentBytes * segmentBytes;
        sizeBytes = (int)Math.Min(ChunkBytes, fileEnd - address);
        if (sizeBytes <= 0)
            return false;
        _from = address;
        _underWay = sizeBytes;
        return true;
    }

    public void End()
    {
        _zeroUntil = _from + _underWay;
        _underWay = 0;
    }

    /// <summary>Whether zeros are under way where a write goes.</summary>
    public bool IsInTheWayOf(long address, long sizeBytes) =>
        _underWay > 0 && address < _from + _underWay && _from < address + sizeBytes;
}
