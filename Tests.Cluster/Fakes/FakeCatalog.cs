using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>The broker's settings, and nothing else: controllers ask for no more.</summary>
internal sealed class FakeCatalog : ITopicCatalog
{
    public MetadataSnapshot Current => throw new NotSupportedException();

    public ConfigLayers Configs { get; set; } = ConfigLayers.FromHost([]);

    public void Subscribe(ICatalogListener listener) => throw new NotSupportedException();

    public Task<TopicMetadata> CreateTopicAsync(NewTopic topic, bool validateOnly, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task DeleteTopicAsync(TopicId topic, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task CreatePartitionsAsync(
        TopicName topic,
        int totalCount,
        ImmutableArray<ImmutableArray<NodeId>>? assignments,
        bool validateOnly,
        CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task AlterConfigsAsync(
        ConfigResource resource,
        Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> change,
        bool validateOnly,
        CancellationToken cancellationToken) => throw new NotSupportedException();

    public ImmutableSortedDictionary<string, string> GetOverrides(ConfigResource resource) => throw new NotSupportedException();
}
