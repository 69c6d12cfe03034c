using Loire.Protocol.Records;

namespace Loire.Client;

/// <summary>Who must have a record before it counts as delivered.</summary>
public enum Acks : short
{
    /// <summary>Every in-sync replica, on disk.</summary>
    All = -1,

    /// <summary>Nobody: it counts as delivered when it is on its way, and where it lies nobody is told. What is refused or lost on
    /// the way is not sent again, and only the metrics tell of it.</summary>
    None = 0,

    /// <summary>The leader alone.</summary>
    Leader = 1,
}

/// <summary>How a producer batches and what it asks of the cluster.</summary>
public sealed record ProducerOptions
{
    public Acks Acks { get; init; } = Acks.All;

    public CompressionCodec Compression { get; init; }

    /// <summary>A repeated send is recognised and dropped, so that each record is written once and in order (KIP-98).</summary>
    public bool IsIdempotent { get; init; } = true;

    /// <summary>How long a batch waits for company. At zero it leaves as soon as no other of its partition is under way:
    /// batches grow with the load all the same.</summary>
    public TimeSpan Linger { get; init; }

    /// <summary>A batch is full at this many bytes before compression. A larger record travels alone.</summary>
    public int BatchSizeBytes { get; init; } = 256 * 1024;

    /// <summary>What all records under way may take; beyond it, producing waits.</summary>
    public int BufferSizeBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>How long a record is tried before it counts as failed.</summary>
    public TimeSpan DeliveryTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Create topics that do not exist, with the brokers' defaults.</summary>
    public bool CreatesTopics { get; init; }
}

/// <summary>Where a record was written.</summary>
/// <param name="Offset">-1 where the record was there already and the leader no longer knows where, and with
/// <see cref="Acks.None"/>.</param>
public readonly record struct RecordPosition(string Topic, int Partition, long Offset);
