using System.Collections.Concurrent;
using Loire.Protocol.Hashing;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;

namespace Loire.Protocol.Client;

/// <summary>Batches records by partition and sends them to the leaders. Thread-safe.</summary>
public sealed class Producer : IAsyncDisposable
{
    private const short HighestInitProducerIdVersion = 5;
    private static readonly TimeSpan ShortestLingerCheck = TimeSpan.FromMilliseconds(1);

    private readonly ConcurrentDictionary<TopicPartition, ProducerPartition> _partitions = new();
    private readonly ITimer? _lingering;
    private readonly ProducerId _producerId;
    private readonly short _producerEpoch;
    private int _stickyTurn;
    private KafkaClientException? _failure;

    private Producer(KafkaClient client, ProducerOptions options, ProducerId producerId, short producerEpoch)
    {
        Client = client;
        Options = options;
        _producerId = producerId;
        _producerEpoch = producerEpoch;
        if (options.Linger > TimeSpan.Zero)
        {
            var interval = options.Linger / 2 > ShortestLingerCheck ? options.Linger / 2 : ShortestLingerCheck;
            _lingering = client.Options.TimeProvider.CreateTimer(_ => SendLingered(force: false), null, interval, interval);
        }
    }

    public KafkaClient Client { get; }
    public ProducerOptions Options { get; }

    /// <summary>Called once for every batch, on whatever thread learns of it.</summary>
    public Action<DeliveryReport>? OnDelivery { get; set; }

    /// <exception cref="ArgumentException">The options are not those of an idempotent producer.</exception>
    public static async Task<Producer> CreateAsync(
        KafkaClient client, ProducerOptions options, CancellationToken cancellationToken)
    {
        if (options.IsIdempotent && (options.Acks != -1 || options.InFlightMax > ProducerOptions.IdempotentInFlightMax))
        {
            throw new ArgumentException(
                $"An idempotent producer needs acks=all and at most {ProducerOptions.IdempotentInFlightMax} batches in flight.",
                nameof(options));
        }
        if (!options.IsIdempotent)
            return new Producer(client, options, ProducerId.None, producerEpoch: -1);
        var response = await client.RetryAsync(
            async cancelled =>
            {
                var answer = await client.SendToAnyAsync<InitProducerIdRequest, InitProducerIdResponse>(
                    new InitProducerIdRequest { TransactionalId = null, TransactionTimeoutMs = int.MaxValue },
                    cancelled,
                    HighestInitProducerIdVersion);
                KafkaClientException.ThrowIfError(answer.ErrorCode, detail: null, "Getting a producer id");
                return answer;
            },
            cancellationToken);
        return new Producer(client, options, response.ProducerId, response.ProducerEpoch);
    }

    /// <summary>Appends a record, waiting while its partition has too much under way.</summary>
    /// <param name="partition">Null: by the key's hash, or any where there is no key.</param>
    /// <param name="key">Null for none.</param>
    /// <param name="value">Null for none.</param>
    /// <exception cref="KafkaClientException">There is no such topic or partition.</exception>
    public async ValueTask AppendAsync(
        TopicName topic,
        PartitionIndex? partition,
        ReadOnlyMemory<byte>? key,
        ReadOnlyMemory<byte>? value,
        ReadOnlyMemory<RecordHeader> headers,
        long timestampMs,
        CancellationToken cancellationToken)
    {
        var metadata = await Client.GetTopicAsync(topic, cancellationToken, Options.AllowAutoTopicCreation);
        var index = partition ?? ChoosePartition(key, metadata.Partitions);
        var target = _partitions.GetOrAdd(
            new TopicPartition(topic, index),
            static (wanted, self) => new ProducerPartition(self, wanted, self._producerId, self._producerEpoch),
            this);
        while (TryAppend(target, timestampMs, key, value, headers.Span) is { } full)
            await full.WaitAsync(cancellationToken);
    }

    /// <summary>Waits until everything appended so far is delivered or has failed.</summary>
    /// <exception cref="KafkaClientException">The first failure since the last flush.</exception>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        SendLingered(force: true);
        foreach (var partition in _partitions.Values)
        {
            while (partition.WhenIdle() is { } busy)
            {
                await busy.WaitAsync(cancellationToken);
                partition.SendLingered(force: true);
            }
        }
        if (Interlocked.Exchange(ref _failure, null) is { } failure)
            throw failure;
    }

    /// <summary>Drops what was not flushed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lingering is not null)
            await _lingering.DisposeAsync();
        foreach (var partition in _partitions.Values)
            partition.Dispose();
    }

    internal void Report(DeliveryReport report)
    {
        if (report.Failure is not null)
            Interlocked.CompareExchange(ref _failure, report.Failure, null);
        OnDelivery?.Invoke(report);
    }

    private static Task? TryAppend(
        ProducerPartition target,
        long timestampMs,
        ReadOnlyMemory<byte>? key,
        ReadOnlyMemory<byte>? value,
        ReadOnlySpan<RecordHeader> headers) =>
        target.TryAppend(
            timestampMs,
            key is { } k ? new RecordBytes(k.Span) : RecordBytes.Null,
            value is { } v ? new RecordBytes(v.Span) : RecordBytes.Null,
            headers);

    /// <summary>Records without a key stay on one partition for a while, so that batches fill, and then move on; they go past
    /// partitions that have no leader while there are others.</summary>
    private PartitionIndex ChoosePartition(
        ReadOnlyMemory<byte>? key, List<MetadataResponse.MetadataResponsePartition> partitions)
    {
        const int RecordsPerTurn = 1024;
        if (key is { } bytes)
            return Murmur2.PartitionOf(bytes.Span, partitions.Count);
        var turn = (uint)Interlocked.Increment(ref _stickyTurn) / RecordsPerTurn;
        for (var i = 0u; i < partitions.Count; i++)
        {
            var candidate = partitions[(int)((turn + i) % (uint)partitions.Count)];
            if (candidate.ErrorCode == ErrorCode.None)
                return candidate.PartitionIndex;
        }
        return partitions[(int)(turn % (uint)partitions.Count)].PartitionIndex;
    }

    private void SendLingered(bool force)
    {
        foreach (var partition in _partitions.Values)
            partition.SendLingered(force);
    }
}
