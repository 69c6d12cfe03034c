using System.Collections.Concurrent;
using Loire.Grains.Interfaces;
using Loire.Protocol.Records;

namespace Loire.Client;

/// <summary>Writes records. Thread-safe; records of one partition are written in the order of the calls. Batches form
/// while their predecessors are under way.</summary>
public sealed class LoireProducer : IAsyncDisposable
{
    private readonly ClientContext _context;
    private readonly ProducerOptions _options;
    private readonly BufferMemory _memory;
    private readonly ProduceBatchPool _pool;
    private readonly ConcurrentDictionary<string, TopicSender> _topics = new(StringComparer.Ordinal);
    private volatile bool _isDisposed;

    internal LoireProducer(ClientContext context, ProducerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.BatchSizeBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BufferSizeBytes, options.BatchSizeBytes);
        if (options.IsIdempotent && options.Acks != Acks.All)
        {
            throw new ArgumentException(
                "An idempotent producer needs Acks.All: set it, or set IsIdempotent to false.", nameof(options));
        }
        _context = context;
        _options = options;
        _memory = new BufferMemory(options.BufferSizeBytes) { Exhausted = SendLingering };
        _pool = new ProduceBatchPool(options);
    }

    /// <summary>Writes a record. The answer is to be awaited once; not awaiting it lets further records join the
    /// batch.</summary>
    /// <param name="key">Decides on the partition (murmur2, as the Java client does); null for any partition.</param>
    /// <param name="value">Null for a tombstone. Neither key nor value may change before the answer.</param>
    /// <param name="partition">Overrides the key's choice.</param>
    /// <param name="timestamp">By default now.</param>
    /// <param name="cancellationToken">Ends the wait for memory or for the topic. A record that was taken is delivered all
    /// the same.</param>
    /// <returns>Where the record is, once it is acknowledged; with <see cref="Acks.None"/> once it is on its way.</returns>
    /// <exception cref="LoireException">UNKNOWN_TOPIC_OR_PARTITION, MESSAGE_TOO_LARGE …; REQUEST_TIMED_OUT where it was not
    /// acknowledged within the delivery timeout: then it may be written or not.</exception>
    public ValueTask<RecordPosition> ProduceAsync(
        string topic,
        ReadOnlyMemory<byte>? key,
        ReadOnlyMemory<byte>? value,
        ReadOnlyMemory<RecordHeader> headers = default,
        int? partition = null,
        DateTimeOffset? timestamp = null,
        CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var sender = _topics.TryGetValue(topic, out var known)
            ? known
            : _topics.GetOrAdd(topic, name => new TopicSender(_context, _options, _memory, _pool, name));
        var timestampMs = (timestamp ?? _context.Time.GetUtcNow()).ToUnixTimeMilliseconds();
        return sender.ProduceAsync(new OutgoingRecord(key, value, headers, partition, timestampMs), cancellationToken);
    }

    /// <summary>As the other one; an array that is null is no key, or no value.</summary>
    public ValueTask<RecordPosition> ProduceAsync(
        string topic,
        byte[]? key,
        byte[]? value,
        ReadOnlyMemory<RecordHeader> headers = default,
        int? partition = null,
        DateTimeOffset? timestamp = null,
        CancellationToken cancellationToken = default) =>
        ProduceAsync(topic, AsMemory(key), AsMemory(value), headers, partition, timestamp, cancellationToken);

    /// <summary>Sends what lingers and waits until all records so far are delivered or given up. Their own answers say
    /// which.</summary>
    public Task FlushAsync(CancellationToken cancellationToken = default) =>
        Task.WhenAll(_topics.Values.Select(topic => topic.FlushAsync())).WaitAsync(cancellationToken);

    /// <summary>Flushes and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await FlushAsync();
        foreach (var partition in _topics.Values.SelectMany(topic => topic.Partitions))
            await partition.DisposeAsync();
        _pool.Dispose();
    }

    // Who waits for memory waits for nothing else: batches make room now.
    private void SendLingering()
    {
        foreach (var partition in _topics.Values.SelectMany(topic => topic.Partitions))
            partition.StartIfDue();
    }

    // An array that is null would else become an empty value.
    private static ReadOnlyMemory<byte>? AsMemory(byte[]? bytes) => bytes is null ? default(ReadOnlyMemory<byte>?) : bytes.AsMemory();
}
