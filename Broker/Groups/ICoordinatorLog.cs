using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>The log that a coordinator keeps its state in: one partition of __consumer_offsets. One caller at a
/// time.</summary>
public interface ICoordinatorLog
{
    /// <summary>The largest batch, header included.</summary>
    int MaxBatchBytes { get; }

    /// <summary>Bytes from the log's start to its end.</summary>
    long SizeBytes { get; }

    /// <summary>Appends a batch; completes with its base offset when it is committed.</summary>
    /// <exception cref="KafkaException">The batch was refused: it is not in the log and will not be.</exception>
    /// <exception cref="CoordinatorLogException">The batch may or may not be in the log: only replaying it
    /// tells.</exception>
    ValueTask<Offset> AppendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken);

    /// <summary>Reads what is committed, from the log's start on, in pieces of whole batches.</summary>
    /// <param name="onBatches">The bytes are valid during the call.</param>
    /// <exception cref="CoordinatorLogException">The log cannot be read here.</exception>
    ValueTask ReplayAsync(Action<ReadOnlyMemory<byte>> onBatches, CancellationToken cancellationToken);

    /// <summary>Drops what lies below <paramref name="start"/>.</summary>
    void AdvanceLogStart(Offset start);
}

/// <summary>The log can no longer be relied on as it was.</summary>
public sealed class CoordinatorLogException : Exception
{
    public CoordinatorLogException(string message)
        : base(message)
    {
    }

    public CoordinatorLogException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
