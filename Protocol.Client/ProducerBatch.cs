using Loire.Protocol.Compression;

namespace Loire.Protocol.Client;

/// <summary>A built batch on its way to the leader.</summary>
internal sealed class ProducerBatch
{
    public PooledBuffer Bytes { get; } = new();

    /// <summary>The batch's place in its partition's order.</summary>
    public long Ordinal { get; set; }
    public int RecordsCount { get; set; }

    /// <summary>When its first record was appended.</summary>
    public long StartedTimestamp { get; set; }
}
