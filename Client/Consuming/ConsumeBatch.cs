using System.Collections;

namespace Loire.Client;

/// <summary>Records of one partition, in order.</summary>
public sealed class ConsumeBatch : IReadOnlyList<ConsumeRecord>
{
    private readonly List<ConsumeRecord> _records;

    internal ConsumeBatch(PartitionFetcher source, List<ConsumeRecord> records, long nextOffset, long highWatermark, int sizeBytes)
    {
        Source = source;
        _records = records;
        NextOffset = nextOffset;
        HighWatermark = highWatermark;
        SizeBytes = sizeBytes;
    }

    public string Topic => Source.Topic;
    public int Partition => Source.Partition;

    /// <summary>Where reading goes on behind these records, and what to commit once they are processed.</summary>
    public long NextOffset { get; }

    /// <summary>The partition's end when this was read: what is missing to it is the lag.</summary>
    public long HighWatermark { get; }

    public int Count => _records.Count;

    internal PartitionFetcher Source { get; }
    internal int SizeBytes { get; }

    public ConsumeRecord this[int index] => _records[index];

    public List<ConsumeRecord>.Enumerator GetEnumerator() => _records.GetEnumerator();

    IEnumerator<ConsumeRecord> IEnumerable<ConsumeRecord>.GetEnumerator() => _records.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _records.GetEnumerator();
}
