namespace Loire.Log;

/// <summary>Reads the files of a journal though the disk cannot read all of them: a sector that it cannot read is noted, and reads
/// as zeros.</summary>
internal sealed class SalvagedFiles(JournalFiles damaged) : JournalFiles(damaged.Directory, damaged.Geometry, damaged.Logger)
{
    private const int SectorBytes = JournalGeometry.SectorBytes;

    /// <summary>Why, by address. A disk may take seconds to find out: it is asked once.</summary>
    private readonly SortedDictionary<long, string> _unreadable = [];

    /// <summary>What could not be read of what was asked for, neighbouring sectors of a segment as one.</summary>
    public IReadOnlyList<(long Address, long SizeBytes, string Why)> Unreadable
    {
        get
        {
            var runs = new List<(long Address, long SizeBytes, string Why)>();
            foreach (var (address, why) in _unreadable)
            {
                if (runs is [.., var last] && last.Address + last.SizeBytes == address && Geometry.OffsetInSegment(address) > 0)
                    runs[^1] = last with { SizeBytes = last.SizeBytes + SectorBytes };
                else
                    runs.Add((address, SectorBytes, why));
            }
            return runs;
        }
    }

    public override void Read(long address, Span<byte> destination)
    {
        try
        {
            damaged.Read(address, destination);
        }
        catch (IOException)
        {
            ReadBySector(address, destination);
        }
    }

    private void ReadBySector(long address, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            long sector = address & -SectorBytes;
            int size = (int)Math.Min(sector + SectorBytes - address, destination.Length);
            ReadWithin(sector, address, destination[..size]);
            destination = destination[size..];
            address += size;
        }
    }

    private void ReadWithin(long sector, long address, Span<byte> destination)
    {
        destination.Clear();
        if (_unreadable.ContainsKey(sector))
            return;
        try
        {
            damaged.Read(address, destination);
        }
        catch (IOException failure)
        {
            destination.Clear();
            _unreadable.Add(sector, failure.Message);
        }
    }
}
