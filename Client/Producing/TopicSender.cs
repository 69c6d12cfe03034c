using System.Collections.Concurrent;
using System.Globalization;
using Loire.Grains.Interfaces;
using Loire.Protocol.Hashing;
using Loire.Protocol.Records;

namespace Loire.Client;

/// <summary>Gives the records of one topic to their partitions, in the order in which they came, even where the first have
/// to wait for the topic's description or for memory.</summary>
internal sealed class TopicSender(
    ClientContext context, ProducerOptions options, BufferMemory memory, ProduceBatchPool pool, string topic)
{
    private readonly ConcurrentDictionary<int, PartitionSender> _partitions = new();
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _turn = new(1);
    private int _waiting;
    private int _sticky = Random.Shared.Next(ushort.MaxValue);

    public IEnumerable<PartitionSender> Partitions => _partitions.Values;

    /// <summary>Sends what lingers, also what still waits for the topic's description or for memory.</summary>
    /// <returns>Completes when all of it is delivered or given up.</returns>
    public async Task FlushAsync()
    {
        var turn = Task.CompletedTask;
        lock (_lock)
        {
            if (_waiting > 0)
                turn = TakeTurnAsync();
        }
        await turn;
        await Task.WhenAll(_partitions.Values.Select(partition => partition.FlushAsync()));
    }

    public ValueTask<RecordPosition> ProduceAsync(in OutgoingRecord record, CancellationToken cancellationToken)
    {
        var size = RecordBatchBuilder.RecordSizeBound(
            record.Key?.Length ?? 0, record.Value?.Length ?? 0, record.Headers.Span);
        Task turn;
        lock (_lock)
        {
            if (_waiting == 0 && context.Topics.TryGet(topic) is { } known && memory.TryTake(size))
                return Append(known, record, size);
            _waiting++;
            turn = _turn.WaitAsync(cancellationToken);
        }
        return WaitAndProduceAsync(turn, record, size, cancellationToken);
    }

    // Callers may be grains: who waits behind one is not to wait for its turn, hence no captured context.
    private async ValueTask<RecordPosition> WaitAndProduceAsync(
        Task turn, OutgoingRecord record, int size, CancellationToken cancellationToken)
    {
        ValueTask<RecordPosition> appended;
        var hasTurn = false;
        try
        {
            await turn.ConfigureAwait(false);
            hasTurn = true;
            var known = await FindTopicAsync(cancellationToken).ConfigureAwait(false);
            await memory.TakeAsync(size, cancellationToken).ConfigureAwait(false);
            lock (_lock)
            {
                appended = Append(known, record, size);
            }
        }
        finally
        {
            lock (_lock)
            {
                _waiting--;
            }
            if (hasTurn)
                _turn.Release();
        }
        return await appended.ConfigureAwait(false);
    }

    private async Task TakeTurnAsync()
    {
        await _turn.WaitAsync();
        _turn.Release();
    }

    private async Task<TopicDescription> FindTopicAsync(CancellationToken cancellationToken)
    {
        var known = await context.Topics.FindAsync(topic, cancellationToken);
        if (known is null && options.CreatesTopics)
        {
            await new LoireAdmin(context).CreateTopicIfMissingAsync(topic, cancellationToken: cancellationToken);
            known = await context.Topics.RefreshAsync(topic, cancellationToken);
        }
        return known ?? throw Failures.UnknownTopic(topic);
    }

    private ValueTask<RecordPosition> Append(TopicDescription known, in OutgoingRecord record, int size)
    {
        var count = known.Partitions.Length;
        if (record.Partition is { } wanted && (uint)wanted >= (uint)count)
        {
            memory.Release(size);
            return ValueTask.FromException<RecordPosition>(ErrorCode.UnknownTopicOrPartition.ToException(
                string.Create(CultureInfo.InvariantCulture, $"Producing to {topic}-{wanted}"),
                string.Create(CultureInfo.InvariantCulture, $"the topic has {count} partitions, from 0")));
        }
        var partition = record.Partition
            ?? (record.Key is { } key ? Murmur2.PartitionOf(key.Span, count).Value : ChooseSticky(known, size));
        var span = ProduceSpan.Start(topic, record.Headers, out var headers);
        var completion = RecordCompletion.Rent(span);
        var result = completion.Task;
        Sender(partition).Append(record with { Headers = headers }, size, completion);
        return result;
    }

    /// <summary>Records without a key stay with a partition while its batch is open, then move on (KIP-480); partitions
    /// without a leader are passed over.</summary>
    private int ChooseSticky(TopicDescription known, int size)
    {
        var count = known.Partitions.Length;
        if (Sender(_sticky % count).HasOpenBatch(size))
            return _sticky % count;
        for (var i = 0; i < count; i++)
        {
            _sticky = (_sticky + 1) & int.MaxValue;
            if (known.Partitions[_sticky % count].Leader >= 0)
                break;
        }
        return _sticky % count;
    }

    private PartitionSender Sender(int partition) => _partitions.TryGetValue(partition, out var sender)
        ? sender
        : _partitions.GetOrAdd(partition, index => new PartitionSender(context, options, memory, pool, topic, index));
}
