using System.Collections.Concurrent;
using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Loire.Tests.Embedded.Catalog;

/// <summary>A catalog over a real file in a directory of its own, which goes with it.</summary>
internal sealed class TestCatalog : IAsyncDisposable
{
    public static readonly NodeId Node = new(7);
    private readonly string? _ownDirectory;

    private TestCatalog(SingleNodeTopicCatalog catalog, RecordingHost host, string? ownDirectory)
    {
        Catalog = catalog;
        Host = host;
        _ownDirectory = ownDirectory;
    }

    public SingleNodeTopicCatalog Catalog { get; }
    public RecordingHost Host { get; }

    public static TestCatalog Create(params (string Name, string Value)[] configs)
    {
        var directory = NewDirectory();
        return Open(directory, ownDirectory: directory, configs: configs);
    }

    public static TestCatalog Open(
        string directory, ILogger? logger = null, string? ownDirectory = null, params (string Name, string Value)[] configs)
    {
        DirectoryIdentity.Open(directory, Node);
        var (file, state) = CatalogFile.Open(directory, Empty(configs), logger ?? NullLogger.Instance);
        return Over(file, state, new RecordingHost(), ownDirectory);
    }

    public static TestCatalog Over(ICatalogLog log, CatalogState state, RecordingHost host, string? ownDirectory = null) =>
        new(new SingleNodeTopicCatalog(log, state, host, NullLogger.Instance), host, ownDirectory);

    public static CatalogState Empty(params (string Name, string Value)[] configs) => new(
        Node,
        MetadataSnapshot.Empty,
        ConfigLayers.FromHost(configs.Select(config => KeyValuePair.Create(config.Name, config.Value))));

    public static string NewDirectory() => Directory.CreateTempSubdirectory("loire-catalog-").FullName;

    public static NewTopic Topic(string name, int partitions = 1, params (string Name, string Value)[] configs) => new(
        new TopicName(name), partitions, -1, null,
        configs.ToImmutableSortedDictionary(config => config.Name, config => config.Value, StringComparer.Ordinal));

    public Task<TopicMetadata> CreateAsync(string name, int partitions = 1, params (string Name, string Value)[] configs) =>
        Catalog.CreateTopicAsync(Topic(name, partitions, configs), validateOnly: false, CancellationToken.None);

    public Task SetAsync(ConfigResource resource, string name, string value) => Catalog.AlterConfigsAsync(
        resource, overrides => overrides.SetItem(name, value), validateOnly: false, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await Catalog.DisposeAsync();
        if (_ownDirectory is not null)
            Directory.Delete(_ownDirectory, recursive: true);
    }
}

/// <summary>Writes down what the catalog asks of the partitions.</summary>
internal sealed class RecordingHost : IPartitionHost
{
    public ConcurrentQueue<string> Calls { get; } = [];

    public LogStoreException? Failure { get; set; }

    /// <summary>Called before each Apply.</summary>
    public Action<TopicMetadata>? OnApply { get; set; }

    public void Apply(TopicMetadata topic)
    {
        OnApply?.Invoke(topic);
        Calls.Enqueue($"apply {topic.Name} {topic.Partitions.Length} {topic.Config.RetentionMs}");
    }

    public void Remove(TopicMetadata topic) => Calls.Enqueue($"remove {topic.Name}");
}
