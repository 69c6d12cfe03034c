namespace Loire.Log;

/// <summary>A segment to which nothing more goes, with the partitions that have entries in it as they were at its end.</summary>
/// <param name="Until">The address the checkpoint stands for: replay starts there.</param>
/// <param name="NextSequence">The number of the first entry that is not covered.</param>
internal sealed record SealedSegment(
    JournalSegment Segment, long Until, long NextSequence, IReadOnlyList<SealedPartition> Partitions);

/// <param name="State">Null where the partition was deleted.</param>
/// <param name="Entries">What <paramref name="Block"/> held; empty where there is none.</param>
internal sealed record SealedPartition(
    PartitionLog Log,
    PartitionState? State,
    IndexBlock? Block,
    ReadOnlyMemory<IndexEntry> Entries,
    SegmentIndexRecord Record);
