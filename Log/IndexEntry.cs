using System.Runtime.InteropServices;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>Where one batch lies and what it holds. On disk as it stands here.</summary>
/// <param name="Address">Of the batch's first byte in the journal.</param>
/// <param name="MaxTimestamp">Milliseconds since 1970.</param>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = SizeOnDisk)]
internal readonly record struct IndexEntry(
    long BaseOffset, long Address, long MaxTimestamp, int SizeBytes, int LastOffsetDelta)
{
    public const int SizeOnDisk = 32;

    /// <param name="entryAddress">Of the journal entry that holds the batch.</param>
    public static IndexEntry Of(long entryAddress, in RecordBatchHeader batch) => new(
        batch.BaseOffset.Value,
        entryAddress + JournalEntry.OverheadBytes,
        batch.MaxTimestamp,
        batch.TotalSizeBytes,
        batch.LastOffsetDelta);

    public long NextOffset => BaseOffset + LastOffsetDelta + 1;
}
