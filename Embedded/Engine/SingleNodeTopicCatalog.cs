using System.Collections.Immutable;
using System.Threading.Channels;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Embedded.Engine;

/// <summary>The topics and configs of one broker. One loop takes the changes in order, as many as are there: it plans them
/// one after the other, writes all of them with one sync, then for each brings the partitions in step (a created topic is
/// opened before it is announced, a deleted one is closed after), announces it, and answers.</summary>
public sealed partial class SingleNodeTopicCatalog : ITopicCatalog, IBrokerConfigs, IAsyncDisposable
{
    private const int MaxBatch = 1_000;

    private readonly ICatalogLog _log;
    private readonly IPartitionHost _host;
    private readonly ILogger _logger;
    private readonly Channel<CatalogCommand> _commands =
        Channel.CreateUnbounded<CatalogCommand>(new UnboundedChannelOptions { SingleReader = true });

    private readonly Task _loop;
    private volatile CatalogState _state;
    private ImmutableArray<ICatalogListener> _listeners = [];

    internal SingleNodeTopicCatalog(ICatalogLog log, CatalogState state, IPartitionHost host, ILogger logger)
    {
        _log = log;
        _state = state;
        _host = host;
        _logger = logger;
        foreach (var topic in state.Topics.Topics)
            host.Apply(topic);
        _loop = Task.Run(RunAsync);
    }

    public MetadataSnapshot Current => _state.Topics;
    public ConfigLayers Configs => _state.Configs;
    BrokerConfig IBrokerConfigs.Current => _state.Configs.Broker;

    /// <summary>Opens the catalog of a data directory and the partitions of its topics.</summary>
    /// <param name="configs">What the host's configuration says.</param>
    /// <exception cref="DataDirectoryException">The catalog is damaged, missing, or of a newer format.</exception>
    public static SingleNodeTopicCatalog Open(
        DirectoryIdentity identity, ConfigLayers configs, IPartitionHost host, ILogger<SingleNodeTopicCatalog> logger)
    {
        var empty = new CatalogState(identity.NodeId, MetadataSnapshot.Empty, configs);
        var (file, state) = CatalogFile.Open(identity.Directory, empty, logger);
        foreach (var definition in configs.SetWithoutEffect)
            LogNoEffect(logger, definition.Name, definition.Documentation);
        return new SingleNodeTopicCatalog(file, state, host, logger);
    }

    public void Subscribe(ICatalogListener listener) =>
        ImmutableInterlocked.Update(ref _listeners, listeners => listeners.Add(listener));

    public ImmutableSortedDictionary<string, string> GetOverrides(ConfigResource resource) => _state.GetOverrides(resource);

    public async Task<TopicMetadata> CreateTopicAsync(NewTopic topic, bool validateOnly, CancellationToken cancellationToken)
    {
        var id = RandomIds.NewTopicId();
        var after = await SubmitAsync(state => CatalogPlans.Create(WithOpenLog(state), topic, id), validateOnly, cancellationToken);
        return after.Topics.Find(id)!;
    }

    public Task DeleteTopicAsync(TopicId topic, CancellationToken cancellationToken) =>
        SubmitAsync(state => CatalogPlans.Delete(state, topic), validateOnly: false, cancellationToken);

    public Task CreatePartitionsAsync(
        TopicName topic,
        int totalCount,
        ImmutableArray<ImmutableArray<NodeId>>? assignments,
        bool validateOnly,
        CancellationToken cancellationToken) =>
        SubmitAsync(state => CatalogPlans.Grow(WithOpenLog(state), topic, totalCount, assignments), validateOnly, cancellationToken);

    public Task AlterConfigsAsync(
        ConfigResource resource,
        Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> change,
        bool validateOnly,
        CancellationToken cancellationToken) =>
        SubmitAsync(state => CatalogPlans.Alter(state, resource, change), validateOnly, cancellationToken);

    /// <summary>Finishes the changes under way.</summary>
    public async ValueTask DisposeAsync()
    {
        _commands.Writer.TryComplete();
        await _loop;
        _log.Dispose();
    }

    private async Task<CatalogState> SubmitAsync(
        Func<CatalogState, CatalogChange> plan, bool validateOnly, CancellationToken cancellationToken)
    {
        var command = new CatalogCommand(plan, validateOnly);
        return _commands.Writer.TryWrite(command)
            ? await command.Outcome.WaitAsync(cancellationToken)
            : throw new KafkaException(ErrorCode.KafkaStorageError, "The broker is shutting down.");
    }

    /// <summary>A topic that cannot have its logs is refused before it is durable.</summary>
    private CatalogState WithOpenLog(CatalogState state) =>
        _host.Failure is { } failure ? throw new KafkaException(ErrorCode.KafkaStorageError, failure.Message) : state;

    private async Task RunAsync()
    {
        var batch = new List<CatalogCommand>();
        while (await _commands.Reader.WaitToReadAsync())
        {
            while (batch.Count < MaxBatch && _commands.Reader.TryRead(out var command))
                batch.Add(command);
            RunBatch(batch);
            batch.Clear();
        }
    }

    private void RunBatch(List<CatalogCommand> batch)
    {
        var planned = _state;
        foreach (var command in batch)
            planned = command.Plan(planned);

        if (TryWrite(batch, planned) is { } refusal)
        {
            foreach (var command in batch)
                command.Refusal = refusal;
        }

        foreach (var command in batch)
        {
            if (command is { Change: not null, Refusal: null })
                TakeEffect(command);
            command.Complete();
        }
    }

    /// <summary>Null when the changes are durable. Where they are not, nothing planned in the batch holds.</summary>
    private KafkaException? TryWrite(List<CatalogCommand> batch, CatalogState planned)
    {
        CatalogChange[] changes = [.. batch.Select(command => command.Change).OfType<CatalogChange>()];
        if (changes.Length == 0)
            return null;
        try
        {
            _log.Append(changes, planned);
            return null;
        }
        catch (IOException failure)
        {
            LogWriteFailed(_logger, failure, changes.Length);
            return new KafkaException(ErrorCode.KafkaStorageError, $"The catalog cannot be written: {failure.Message}");
        }
    }

    private void TakeEffect(CatalogCommand command)
    {
        var before = _state;
        var after = command.After!;
        var deleted = command.Change is TopicDeleted change ? before.Topics.Find(new TopicId(change.Id)) : null;
        TopicMetadata[] changed = [.. OpenedOrChanged(command.Change!, before, after)];
        try
        {
            foreach (var topic in changed)
                _host.Apply(topic);
            _state = after;
            if (deleted is not null)
                _host.Remove(deleted);
        }
        catch (Exception failure)
        {
            // The change is durable, hence announced all the same: the file and what clients see never differ.
            _state = after;
            LogApplyFailed(_logger, failure);
            command.Refusal = new KafkaException(ErrorCode.KafkaStorageError, failure.Message);
        }

        foreach (var listener in _listeners)
            Tell(listener, changed, deleted, ReferenceEquals(before.Configs, after.Configs) ? null : after.Configs);
    }

    private void Tell(ICatalogListener listener, TopicMetadata[] changed, TopicMetadata? deleted, ConfigLayers? configs)
    {
        try
        {
            if (configs is not null)
                listener.OnBrokerConfigChanged(configs.Broker);
            foreach (var topic in changed)
                listener.OnTopicChanged(topic);
            if (deleted is not null)
                listener.OnTopicDeleted(deleted);
        }
        catch (Exception failure)
        {
            LogListenerFailed(_logger, failure, listener.GetType().Name);
        }
    }

    private static IEnumerable<TopicMetadata> OpenedOrChanged(
        CatalogChange change, CatalogState before, CatalogState after) => change switch
        {
            TopicCreated created => [after.Topics.Find(new TopicId(created.Id))!],
            PartitionsAdded added => [after.Topics.Find(new TopicId(added.Id))!],
            ConfigsSet { Type: ConfigResourceType.Topic } set => [after.Topics.Find(new TopicName(set.Resource))!],
            ConfigsSet => after.Topics.Topics.Where(topic => !ReferenceEquals(topic, before.Topics.Find(topic.Id))),
            _ => [],
        };

    [LoggerMessage(Level = LogLevel.Warning, Message = "The broker config {Name} is set and has no effect. {Documentation}")]
    private static partial void LogNoEffect(ILogger logger, string name, string documentation);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} change(s) of topics or configs could not be written and are refused")]
    private static partial void LogWriteFailed(ILogger logger, Exception failure, int count);

    [LoggerMessage(Level = LogLevel.Error, Message = "Partitions could not be brought in step with the catalog")]
    private static partial void LogApplyFailed(ILogger logger, Exception failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Listener} failed to take in a change of topics or configs")]
    private static partial void LogListenerFailed(ILogger logger, Exception failure, string listener);
}
