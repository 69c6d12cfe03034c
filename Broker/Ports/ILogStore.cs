using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Broker.Ports;

/// <summary>The logs of a data directory. All of them share one journal, hence one sync.</summary>
public interface ILogStore : IAsyncDisposable
{
    string DataDirectory { get; }

    /// <summary>The largest batch that fits, header included.</summary>
    int MaxBatchBytes { get; }

    /// <summary>The partitions that have a log here, those included that nobody has opened.</summary>
    IReadOnlyCollection<TopicIdPartition> Partitions { get; }

    /// <summary>The partitions of whose logs something is known to be missing or damaged. May grow while the store is open; a
    /// log that is deleted is damaged no more.</summary>
    IReadOnlyCollection<TopicIdPartition> DamagedPartitions => [];

    /// <summary>Opens a partition's log, creating it where there is none. Before it returns, the observer has been given
    /// the state of the last checkpoint and every batch and truncation after it, in order.</summary>
    IPartitionLog Open(TopicIdPartition partition, IPartitionLogObserver observer);

    /// <summary>Forgets a partition's log and reclaims its space in time.</summary>
    void Delete(TopicIdPartition partition);

    /// <summary>Completes when an append that found the journal's buffer full is worth trying again.</summary>
    ValueTask WaitForSpaceAsync(CancellationToken cancellationToken);

    /// <summary>Why the store takes no records; null while it does. A failed write or sync is final, a full disk lasts until
    /// there is room again. What was acknowledged stays readable.</summary>
    LogStoreException? Failure { get; }

    /// <summary>Raised after <see cref="Failure"/> was set or taken back, with no lock held: must not block. What it is by
    /// then is to be read.</summary>
    event Action? FailureChanged;

    LogStoreSpace GetSpace();
}

/// <summary>What a partition's log tells the partition that owns it.</summary>
public interface IPartitionLogObserver
{
    /// <summary>During <see cref="ILogStore.Open"/>: the state that <see cref="WriteSnapshot"/> wrote at the last
    /// checkpoint. Not called where the log start has passed that state: the log then begins anew there.</summary>
    void Restore(ReadOnlySpan<byte> snapshot);

    /// <summary>During <see cref="ILogStore.Open"/>: a batch appended after that checkpoint.</summary>
    void ReplayAppend(in RecordBatchHeader header);

    /// <summary>During <see cref="ILogStore.Open"/>: the log was cut back to <paramref name="end"/>.</summary>
    void ReplayTruncate(Offset end);

    /// <summary>Writes the state derived from the log (producers, epochs) and returns the log end offset it covers.
    /// Called from the checkpoint thread; the observer takes its own lock.</summary>
    Offset WriteSnapshot(IBufferWriter<byte> output);

    /// <summary>Everything below <paramref name="durableEnd"/> is synced. Called from the commit thread, in order, with
    /// no lock of the log held: must not block.</summary>
    void OnDurable(Offset durableEnd);

    /// <summary>The store failed: nothing that waits for durability will become durable.</summary>
    void OnFailed(LogStoreException failure);
}

/// <summary>The store cannot do what was asked. The message names the file and, where it helps, the address, and says
/// what mends it.</summary>
public sealed class LogStoreException : Exception
{
    public LogStoreException(string message)
        : base(message)
    {
    }

    public LogStoreException(string message, Exception? inner)
        : base(message, inner)
    {
    }

    /// <summary>What was found is whole, but of a newer release: nothing is to be mended.</summary>
    public bool IsNewerFormat { get; private init; }

    /// <param name="what">A sentence that names the file and its format.</param>
    public static LogStoreException OfNewerFormat(string what, Exception? inner = null) =>
        new($"{what} Start the newer release.", inner) { IsNewerFormat = true };
}

/// <summary>Bytes of the volume under the data directory.</summary>
public readonly record struct LogStoreSpace(long TotalBytes, long UsableBytes);
