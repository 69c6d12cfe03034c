using Loire.Protocol.Records;

namespace Loire.Protocol.Client;

/// <summary>How a producer batches and what it asks of the brokers.</summary>
public sealed record ProducerOptions
{
    /// <summary>Brokers know so many batches of a producer again (KIP-98).</summary>
    public const int IdempotentInFlightMax = 5;

    /// <summary>-1: answered when every in-sync replica has it; 1: when the leader has it; 0: not answered.</summary>
    public short Acks { get; init; } = -1;

    public CompressionCodec Codec { get; init; }

    /// <summary>How long a batch waits for company. Zero: a batch leaves when none of its partition is in flight.</summary>
    public TimeSpan Linger { get; init; }

    /// <summary>A batch is full at this many bytes before compression.</summary>
    public int BatchSizeBytes { get; init; } = 512 * 1024;

    /// <summary>How many batches of a partition may be in flight.</summary>
    public int InFlightMax { get; init; } = 5;

    /// <summary>Repeated batches are recognised and dropped by the broker (KIP-98). Needs <see cref="Acks"/> -1 and at most
    /// <see cref="IdempotentInFlightMax"/> batches in flight.</summary>
    public bool IsIdempotent { get; init; }

    /// <summary>How long a batch is tried before it counts as failed.</summary>
    public TimeSpan DeliveryTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Ask brokers to create topics that do not exist.</summary>
    public bool AllowAutoTopicCreation { get; init; } = true;
}

/// <summary>What became of a batch.</summary>
/// <param name="BaseOffset">The first record's offset; none where the batch failed or acks is 0.</param>
/// <param name="SizeBytes">As sent, header included.</param>
/// <param name="Elapsed">From the batch's first record to its answer.</param>
/// <param name="Failure">Null where the batch was delivered.</param>
public sealed record DeliveryReport(
    TopicPartition Partition,
    Offset BaseOffset,
    int RecordsCount,
    int SizeBytes,
    TimeSpan Elapsed,
    KafkaClientException? Failure);
