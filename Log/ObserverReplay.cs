using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>Brings an observer from its last snapshot to the log's end. What was truncated after the snapshot is told as
/// one truncation before the batches that remain: a state derived from the log ends the same.</summary>
internal static class ObserverReplay
{
    private const int WindowBytes = 256 << 10;

    /// <exception cref="LogStoreException">The snapshot is of a newer release.</exception>
    public static void Run(IPartitionLogObserver observer, Journal journal, IEnumerable<IndexEntry> batches, ObserverSnapshot snapshot)
    {
        if (!snapshot.Bytes.IsEmpty)
            Restore(observer, journal, snapshot);
        if (snapshot.ReplayFrom < snapshot.EndOffset)
            observer.ReplayTruncate(new Offset(snapshot.ReplayFrom));

        var window = new HeaderWindow(journal);
        foreach (var batch in batches)
            observer.ReplayAppend(window.Read(batch));
    }

    private static void Restore(IPartitionLogObserver observer, Journal journal, ObserverSnapshot snapshot)
    {
        try
        {
            observer.Restore(snapshot.Bytes.Span);
        }
        catch (InvalidDataException unknown)
        {
            throw LogStoreException.OfNewerFormat(
                $"{Checkpoint.PathIn(journal.Files.Directory)} is whole, but of a newer release: it holds a {unknown.Message}.",
                unknown);
        }
    }

    /// <summary>Reads batch headers in ascending order; a partition's small batches often lie close together, so it reads
    /// ahead.</summary>
    private sealed class HeaderWindow(Journal journal)
    {
        private byte[] _bytes = [];
        private long _start;
        private int _length;

        public RecordBatchHeader Read(in IndexEntry batch)
        {
            Span<byte> header = stackalloc byte[RecordBatchHeader.SizeBytes];
            if (journal.TryCopyFromMemory(batch.Address, header))
                return RecordBatchHeader.Read(header);
            if (batch.Address < _start || batch.Address + header.Length > _start + _length)
            {
                int leftInSegment = journal.Geometry.SegmentBytes - journal.Geometry.OffsetInSegment(batch.Address);
                if (_bytes.Length == 0)
                    _bytes = GC.AllocateUninitializedArray<byte>(WindowBytes);
                _start = batch.Address;
                _length = Math.Min(batch.SizeBytes >= WindowBytes / 4 ? header.Length : WindowBytes, leftInSegment);
                journal.Files.Read(_start, _bytes.AsSpan(0, _length));
            }
            return RecordBatchHeader.Read(_bytes.AsSpan((int)(batch.Address - _start)));
        }
    }
}
