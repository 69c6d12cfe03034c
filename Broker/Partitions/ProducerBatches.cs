using System.Runtime.CompilerServices;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>The newest batches of one idempotent producer at one partition.</summary>
internal sealed class ProducerBatches(short epoch)
{
    /// <summary>As many requests as an idempotent producer may have in flight (KIP-98), and one more: when a follower cuts
    /// all that was in flight, the batch before it still says which sequence comes next.</summary>
    public const int Capacity = RepeatableMax + 1;
    private const int RepeatableMax = 5;

    private Marks _marks;

    public short Epoch { get; } = epoch;
    public int Count { get; private set; }

    /// <summary>When the producer last appended here; milliseconds since 1970.</summary>
    public long LastAppendMs { get; set; }

    /// <summary>From the oldest on.</summary>
    public ReadOnlySpan<BatchMark> Batches => ((ReadOnlySpan<BatchMark>)_marks)[..Count];

    public void Add(in BatchMark mark)
    {
        Span<BatchMark> marks = _marks;
        if (Count == Capacity) marks[1..].CopyTo(marks);
        else Count++;
        marks[Count - 1] = mark;
    }

    /// <summary>Whether a batch that starts with <paramref name="sequence"/> continues the newest one.</summary>
    public bool IsNext(int sequence) => Count == 0 || sequence == ((Batches[^1].LastSequence + 1) & int.MaxValue);

    /// <summary>The batch, of the last five, that has exactly these sequence numbers.</summary>
    public BatchMark? Find(int firstSequence, int lastSequence)
    {
        foreach (ref readonly var mark in Batches[Math.Max(0, Count - RepeatableMax)..])
        {
            if (mark.FirstSequence == firstSequence && mark.LastSequence == lastSequence) return mark;
        }

        return null;
    }

    public void TruncateTo(Offset end)
    {
        while (Count > 0 && Batches[^1].NextOffset > end) Count--;
    }

    [InlineArray(Capacity)]
    private struct Marks
    {
        private BatchMark _first;
    }
}

/// <summary>What is remembered of a batch: enough to answer its repetition.</summary>
/// <param name="TimestampMs">The batch's largest timestamp, which is its append time where the topic says so.</param>
internal readonly record struct BatchMark(int FirstSequence, Offset BaseOffset, int LastOffsetDelta, long TimestampMs)
{
    public int LastSequence => (int)(((long)FirstSequence + LastOffsetDelta) & int.MaxValue);
    public Offset NextOffset => BaseOffset + LastOffsetDelta + 1;

    public static BatchMark Of(in RecordBatchHeader header) =>
        new(header.BaseSequence, header.BaseOffset, header.LastOffsetDelta, header.MaxTimestamp);
}
