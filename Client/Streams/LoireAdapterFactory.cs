using System.Collections.Concurrent;
using Loire.Grains.Interfaces;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Streams;
using Orleans.Streams.Filtering;

namespace Loire.Client;

/// <summary>Makes a provider's parts. In a silo each partition that its topics may have is a queue; an external
/// client only writes.</summary>
internal sealed class LoireAdapterFactory : IQueueAdapterFactory, IQueueAdapterCache
{
    /// <summary>For an external client: the silos may still be about to create a topic.</summary>
    private static readonly TimeSpan TopicPatience = TimeSpan.FromSeconds(20);

    private readonly StreamContext _context;
    private readonly LoireProducer _producer;
    private readonly ConcurrentDictionary<QueueId, PartitionQueue> _queues = new();
    private readonly HashRingBasedPartitionedStreamQueueMapper? _mapper;

    private LoireAdapterFactory(IServiceProvider services, string providerName, bool isSilo)
    {
        var options = services.GetRequiredService<IOptionsMonitor<LoireStreamOptions>>().Get(providerName);
        var client = services.GetRequiredService<ILoireClient>();
        _context = new StreamContext(
            providerName, ((LoireClient)client).Context, options, services, isSilo ? TimeSpan.Zero : TopicPatience);
        _producer = client.CreateProducer(options.Producer);
        Check(services, providerName, options);
        if (isSilo && options.Topics.Count > 0)
            _mapper = new HashRingBasedPartitionedStreamQueueMapper([.. PartitionsOf(options)], providerName);
    }

    public static LoireAdapterFactory ForSilo(IServiceProvider services, string providerName) =>
        new(services, providerName, isSilo: true);

    public static LoireAdapterFactory ForClient(IServiceProvider services, string providerName) =>
        new(services, providerName, isSilo: false);

    public Task<IQueueAdapter> CreateAdapter()
    {
        var direction = _mapper is null ? StreamProviderDirection.WriteOnly : StreamProviderDirection.ReadWrite;
        return Task.FromResult<IQueueAdapter>(new LoireAdapter(_context, _producer, direction, Find));
    }

    public IQueueAdapterCache GetQueueAdapterCache() => this;

    public IStreamQueueMapper GetStreamQueueMapper() =>
        _mapper ?? throw new InvalidOperationException($"Streams '{_context.ProviderName}' have no topics to deliver.");

    public Task<IStreamFailureHandler> GetDeliveryFailureHandler(QueueId queueId)
    {
        var (topic, partition) = PartitionOf(queueId);
        return Task.FromResult<IStreamFailureHandler>(
            new DeliveryFailureHandler(_context, _producer, topic, partition, () => _queues.GetValueOrDefault(queueId)));
    }

    /// <summary>An agent asks for its cache first and for its receiver then: both are one object, new for each agent.</summary>
    public IQueueCache CreateQueueCache(QueueId queueId)
    {
        var (topic, partition) = PartitionOf(queueId);
        return _queues[queueId] = new PartitionQueue(
            _context, topic, partition, givenUp => _queues.TryRemove(KeyValuePair.Create(queueId, givenUp)));
    }

    private PartitionQueue Find(QueueId queueId) => _queues[queueId];

    private (string Topic, int Partition) PartitionOf(QueueId queueId) =>
        _mapper is { } mapper && PartitionKey.TryParse(mapper.QueueToPartition(queueId), out var topic, out var partition)
            ? (topic, partition)
            : throw new InvalidOperationException($"Streams '{_context.ProviderName}' have no queue {queueId}.");

    private static IEnumerable<string> PartitionsOf(LoireStreamOptions options) =>
        from topic in options.Topics.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
        from partition in Enumerable.Range(0, options.PartitionsPerTopic)
        select PartitionKey.Of(topic, partition);

    private static void Check(IServiceProvider services, string providerName, LoireStreamOptions options)
    {
        if (options.OnDeliveryFailure == DeliveryFailurePolicy.DeadLetter && string.IsNullOrEmpty(options.DeadLetterTopic))
            throw new OrleansConfigurationException($"Streams '{providerName}': DeadLetter needs a DeadLetterTopic.");
        if (options.BatchSize < 1 || options.PartitionsPerTopic < 1)
            throw new OrleansConfigurationException($"Streams '{providerName}': BatchSize and PartitionsPerTopic are at least 1.");
        if (options.BatchSize > 1 && services.GetKeyedService<IStreamFilter>(providerName) is not null)
        {
            // A filter makes the bounds of batches invisible, and with them what is delivered.
            throw new OrleansConfigurationException(
                $"Streams '{providerName}': with a stream filter BatchSize must be 1.");
        }
    }
}
