using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Loire.Protocol;
using Loire.Protocol.Client;
using Shouldly;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Producers that write with acks=all without a pause, each its own numbers, while the cluster is being
/// tormented; and the proof of what became of the numbers.</summary>
internal sealed class NumberedLoad : IAsyncDisposable
{
    /// <summary>Records that a producer sends before it waits for their acknowledgements.</summary>
    private const int RoundSize = 30;

    private readonly LoireTestCluster _cluster;
    private readonly TopicName _topic;
    private readonly int _partitions;
    private readonly bool _isIdempotent;
    private readonly ConcurrentQueue<DeliveryReport> _delivered = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task<int>[] _producers;
    private int _rounds;

    private NumberedLoad(LoireTestCluster cluster, string topic, int partitions, bool isIdempotent, int producers)
    {
        _cluster = cluster;
        _topic = new TopicName(topic);
        _partitions = partitions;
        _isIdempotent = isIdempotent;
        _producers = [.. Enumerable.Range(0, producers).Select(producer => Task.Run(() => ProduceAsync(producer)))];
    }

    /// <summary>Starts it on a topic that exists, and waits until it runs.</summary>
    public static async Task<NumberedLoad> StartAsync(
        LoireTestCluster cluster, string topic, CancellationToken cancellationToken, bool isIdempotent = true, int producers = 2)
    {
        var load = new NumberedLoad(cluster, topic, cluster.Find(topic)!.Control.Partitions.Length, isIdempotent, producers);
        await load.UntilProgressAsync(cancellationToken);
        return load;
    }

    /// <summary>Waits until every partition has taken records that were sent after this call.</summary>
    public async Task UntilProgressAsync(CancellationToken cancellationToken)
    {
        var before = Volatile.Read(ref _rounds);
        await _cluster.UntilAsync(
            () => Volatile.Read(ref _rounds) > before + (2 * _producers.Length) || Array.Exists(_producers, producer => producer.IsFaulted),
            "producers get on",
            cancellationToken);
    }

    /// <summary>Ends the load and checks the partitions: the same on all replicas, everything that was acknowledged is there
    /// at the offset that was told, each producer's records in their order, and with idempotence none twice.</summary>
    public async Task VerifyAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        var sent = await Task.WhenAll(_producers);
        var seen = sent.Select(_ => new HashSet<int>()).ToArray();
        for (var partition = 0; partition < _partitions; partition++)
        {
            var log = await StoredLog.AgreedAsync(_cluster, _topic.Value, partition, cancellationToken);
            log.Select(record => record.Offset).ShouldBe(Enumerable.Range(0, log.Length).Select(offset => (long)offset));
            var numbers = log.Select(record => Parse(record.Value)).ToImmutableArray();
            CheckAcknowledged(partition, numbers);
            CheckOrder(numbers, seen);
        }

        for (var producer = 0; producer < sent.Length; producer++)
            seen[producer].Order().ShouldBe(Enumerable.Range(0, sent[producer]), "everything was acknowledged and is there");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAny(Task.WhenAll(_producers));
        _stop.Dispose();
    }

    /// <returns>How many numbers were sent, all of them acknowledged.</returns>
    private async Task<int> ProduceAsync(int producer)
    {
        try
        {
            return await ProduceUntilStoppedAsync(producer);
        }
        catch (KafkaClientException failure)
        {
            throw new InvalidOperationException($"Producer {producer} failed. {_cluster.Describe()}", failure);
        }
    }

    private async Task<int> ProduceUntilStoppedAsync(int producer)
    {
        await using var client = _cluster.CreateKafkaClient();

        // Without idempotence a batch in flight behind one that fails may overtake it.
        var options = new ProducerOptions
        {
            IsIdempotent = _isIdempotent,
            InFlightMax = _isIdempotent ? 5 : 1,
            DeliveryTimeout = Eventually.Patience,
        };
        await using var kafka = await Producer.CreateAsync(client, options, CancellationToken.None);
        kafka.OnDelivery = _delivered.Enqueue;
        var sent = 0;
        while (!_stop.IsCancellationRequested)
        {
            for (var i = 0; i < RoundSize; i++, sent++)
            {
                var value = Encoding.UTF8.GetBytes($"{producer.ToString(CultureInfo.InvariantCulture)}:{sent}");
                await kafka.AppendAsync(
                    _topic,
                    new PartitionIndex(sent % _partitions),
                    key: null,
                    value,
                    headers: default,
                    timestampMs: 1,
                    CancellationToken.None);
            }

            await kafka.FlushAsync(CancellationToken.None);
            Interlocked.Increment(ref _rounds);
        }

        return sent;
    }

    /// <summary>A batch holds consecutive numbers of one producer, so it is known by its place.</summary>
    private void CheckAcknowledged(int partition, ImmutableArray<(int Producer, int Number)> numbers)
    {
        foreach (var report in _delivered.Where(report => report.Partition.Partition.Value == partition))
        {
            report.Failure.ShouldBeNull();
            var batch = numbers.Slice((int)report.BaseOffset.Value, report.RecordsCount);
            batch.ShouldBe(Enumerable.Range(0, batch.Length).Select(i => (batch[0].Producer, batch[0].Number + (i * _partitions))));
        }
    }

    private void CheckOrder(ImmutableArray<(int Producer, int Number)> numbers, HashSet<int>[] seen)
    {
        var last = new int[seen.Length];
        Array.Fill(last, -1);
        foreach (var (producer, number) in numbers)
        {
            if (!seen[producer].Add(number))
            {
                _isIdempotent.ShouldBeFalse($"producer {producer} is idempotent, and its record {number} is there twice");
                continue;
            }

            number.ShouldBeGreaterThan(last[producer], $"records of producer {producer} are in order");
            last[producer] = number;
        }
    }

    private static (int Producer, int Number) Parse(string value)
    {
        var parts = value.Split(':');
        return (int.Parse(parts[0], CultureInfo.InvariantCulture), int.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
