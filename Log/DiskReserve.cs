namespace Loire.Log;

/// <summary>The file <c>reserve</c>: a little of the disk that is let go of when the disk is full, for the small files that have to be
/// written before space can be given back.</summary>
internal sealed class DiskReserve(JournalFiles files)
{
    /// <summary>Of a segment: 4 MB of 256.</summary>
    private const int SegmentDivisor = 64;

    private readonly string _path = Path.Combine(files.Directory, "reserve");
    private bool? _isHeld;

    /// <summary>Takes it where it is not there, or lets go of it.</summary>
    public void Hold(bool hold)
    {
        if (_isHeld == hold)
            return;
        _isHeld = hold;
        if (!hold)
            File.Delete(_path);
        else if (!File.Exists(_path))
            TryClaim();
    }

    /// <summary>What cannot be had is not missed before the disk is full.</summary>
    private void TryClaim()
    {
        try
        {
            using var file = File.OpenHandle(_path, FileMode.CreateNew, FileAccess.Write);
            NativeFile.Allocate(file, _path, files.Geometry.SegmentBytes / SegmentDivisor);
        }
        catch (IOException)
        {
            File.Delete(_path);
        }
    }
}
