using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;

namespace Loire.Cluster.Catalog;

/// <summary>The topics and configs as this broker knows them; changes go to the controllers. It is to be told of topics
/// after the replicas are: what it announces can be used.</summary>
public sealed class ClusterTopicCatalog : ITopicCatalog, IBrokerConfigs, IClusterListener
{
    private readonly ClusterView _view;
    private readonly IClusterControl _control;
    private readonly ClusterConfigs _configs;
    private readonly ConfigChanges _changes;

    // Written by the view's loop alone.
    private volatile MetadataSnapshot _current = MetadataSnapshot.Empty;
    private ConfigLayers? _announced;
    private ImmutableArray<ICatalogListener> _listeners = [];

    public ClusterTopicCatalog(ClusterView view, IClusterControl control, ClusterConfigs configs)
    {
        _view = view;
        _control = control;
        _configs = configs;
        _changes = new ConfigChanges(view, control);
    }

    public MetadataSnapshot Current => _current;

    public ConfigLayers Configs => _configs.Layers;

    BrokerConfig IBrokerConfigs.Current => _configs.Current;

    public void Subscribe(ICatalogListener listener) =>
        ImmutableInterlocked.Update(ref _listeners, listeners => listeners.Add(listener));

    public async Task<TopicMetadata> CreateTopicAsync(NewTopic topic, bool validateOnly, CancellationToken cancellationToken)
    {
        var creation = _control.CreateTopicAsync(topic, validateOnly, cancellationToken);
        var created = await (validateOnly ? ControlAnswers.AnswerAsync(creation) : _view.LearnAsync(creation));
        return TopicDescriber.Describe(created, _view.Statuses, Configs);
    }

    public Task DeleteTopicAsync(TopicId topic, CancellationToken cancellationToken)
    {
        var name = _current.Find(topic)?.Name ?? throw TopicPlans.Unknown(topic);
        return _view.LearnAsync(_control.DeleteTopicAsync(name, topic, cancellationToken));
    }

    public Task CreatePartitionsAsync(
        TopicName topic,
        int totalCount,
        ImmutableArray<ImmutableArray<NodeId>>? assignments,
        bool validateOnly,
        CancellationToken cancellationToken)
    {
        if (_current.Find(topic) is null) throw TopicPlans.Unknown(topic);
        var growth = _control.CreatePartitionsAsync(topic, totalCount, assignments, validateOnly, cancellationToken);
        return validateOnly ? ControlAnswers.AnswerAsync(growth) : _view.LearnAsync(growth);
    }

    public Task AlterConfigsAsync(
        ConfigResource resource,
        Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> change,
        bool validateOnly,
        CancellationToken cancellationToken) =>
        resource.Type == ConfigResourceType.Topic
            ? _changes.AlterTopicAsync(new TopicName(resource.Name), change, validateOnly, cancellationToken)
            : _changes.AlterBrokerAsync(resource, change, validateOnly, cancellationToken);

    public ImmutableSortedDictionary<string, string> GetOverrides(ConfigResource resource) =>
        resource.Type == ConfigResourceType.Topic
            ? _current.Find(new TopicName(resource.Name))?.ConfigOverrides ?? ConfigChanges.Nothing
            : _view.Cluster.BrokerConfigs.GetValueOrDefault(resource.Name, ConfigChanges.Nothing);

    void IClusterListener.OnTopic(TopicRecord topic)
    {
        var before = _current.Find(topic.Name);
        if (before is not null && (topic.IsDeleted || before.Id != topic.Id)) Remove(before);
        if (!topic.IsDeleted) Announce(TopicDescriber.Describe(topic, _view.Statuses, Configs));
    }

    void IClusterListener.OnCluster()
    {
        var layers = Configs;
        if (!ReferenceEquals(layers, _announced))
        {
            _announced = layers;
            foreach (var listener in _listeners) listener.OnBrokerConfigChanged(layers.Broker);
        }

        foreach (var topic in _current.Topics)
        {
            var now = TopicDescriber.Renew(topic, _view.Statuses, layers);
            if (!ReferenceEquals(now, topic)) Announce(now);
        }
    }

    private void Announce(TopicMetadata topic)
    {
        _current = _current.With(topic);
        foreach (var listener in _listeners) listener.OnTopicChanged(topic);
    }

    private void Remove(TopicMetadata topic)
    {
        _current = _current.Without(topic);
        foreach (var listener in _listeners) listener.OnTopicDeleted(topic);
    }
}
