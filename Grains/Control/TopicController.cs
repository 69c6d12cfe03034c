using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Cluster;
using Loire.Grains.Storage;
using Loire.Protocol;
using Orleans.Core;

namespace Loire.Grains.Control;

/// <summary>Drives <see cref="TopicControlCore"/> for one topic: decides on the newest state it knows and on the brokers as
/// this silo sees them, and lets the storage say which of several controllers wins.</summary>
/// <param name="announce">Told every record that was persisted here, before the answers go out.</param>
internal sealed class TopicController(
    TopicName name,
    IStorage<TopicDocument> storage,
    IClusterView view,
    ITopicCatalog catalog,
    Action<TopicRecord> announce)
{
    private static readonly StateForm<TopicRecord?, TopicDocument> Form =
        new(null, document => document.ToRecord(), topic => TopicDocument.From(topic!));

    private readonly StateKeeper<TopicRecord?, TopicDocument> _keeper = new(
        storage, Form, topic => announce(topic!), topic => view.Find(name)?.Version > (topic?.Version ?? 0));

    /// <summary>As it was last read or written here; null where there was never a topic of this name.</summary>
    public TopicRecord? Current => _keeper.Current;

    /// <summary>The version of the next record.</summary>
    public long NextVersion => (Current?.Version ?? 0) + 1;

    /// <summary>Elects where it is due, after having noted that a broker runs anew.</summary>
    public Task<TopicRecord?> SettleAsync(BrokerGeneration? started) => _keeper.ChangeAsync(topic =>
    {
        if (topic is not { IsDeleted: false }) return new(topic);
        var control = topic.Control with { AllowsUncleanElection = AllowsUnclean(topic.ConfigOverrides) };
        var hasChanges = control.AllowsUncleanElection != topic.Control.AllowsUncleanElection;
        if (started is { } run)
        {
            var noted = TopicControlCore.BrokerStarted(control, run, view.Statuses);
            hasChanges |= noted.HasChanges;
            control = noted.State;
        }

        var settled = TopicControlCore.BrokersChanged(control, view.Statuses);
        hasChanges |= settled.HasChanges;
        return new(hasChanges ? Next(topic, settled.State) : topic);
    });

    /// <summary>The partitions that a broker holds replicas of, or is to. Another activation may have placed some: what this one
    /// knows does not do.</summary>
    public async Task<ImmutableArray<int>> FindReplicasAsync(NodeId broker)
    {
        var topic = await _keeper.ReadAgainAsync();
        return topic is { IsDeleted: false }
            ? [.. Enumerable.Range(0, topic.Control.Partitions.Length)
                .Where(index => topic.Control.Partitions[index].Replicas.Contains(broker))]
            : [];
    }

    /// <returns>The topic to be.</returns>
    /// <exception cref="KafkaException">What keeps it from being created, other topics apart.</exception>
    public TopicRecord Plan(NewTopic topic) => Plan(Current, topic);

    public Task<TopicRecord> CreateAsync(NewTopic topic) => ChangeAsync(current => Plan(current, topic));

    /// <param name="id">What to delete; a topic created since under the same name stays. It may be repeated.</param>
    public Task<TopicRecord> DeleteAsync(TopicId id) => ChangeAsync(topic =>
        topic is null || topic.Id != id ? throw TopicPlans.Unknown(id)
        : topic.IsDeleted ? topic
        : topic with { Version = topic.Version + 1, IsDeleted = true });

    /// <exception cref="KafkaException">As the port says.</exception>
    public TopicRecord Plan(int totalCount, ImmutableArray<ImmutableArray<NodeId>>? assignments) =>
        Grow(Existing(Current), totalCount, assignments);

    public Task<TopicRecord> GrowAsync(int totalCount, ImmutableArray<ImmutableArray<NodeId>>? assignments) =>
        ChangeAsync(topic => Grow(Existing(topic), totalCount, assignments));

    /// <param name="version">Of the record that the change was made from; null for whatever it is.</param>
    public Task<TopicRecord> SetConfigsAsync(
        Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> change, long? version) =>
        ChangeAsync(current =>
        {
            var topic = Existing(current);
            if (version is { } from && from != topic.Version)
            {
                throw new KafkaException(
                    ErrorCode.InvalidUpdateVersion,
                    $"Topic '{name}' has version {topic.Version}, the change was made from {from}: read again.");
            }

            var overrides = TopicPlans.TopicOverrides(change(topic.ConfigOverrides));
            var control = topic.Control with { AllowsUncleanElection = AllowsUnclean(overrides) };
            return Next(topic with { ConfigOverrides = overrides }, control);
        });

    /// <returns>The topic as it is then, whether the proposal was granted or refused.</returns>
    public async Task<TopicRecord> AlterInSyncAsync(TopicId id, PartitionIndex partition, InSyncProposal proposal)
    {
        var topic = await _keeper.ChangeAsync(topic => topic is not { IsDeleted: false } || topic.Id != id
            ? new(topic)
            : Decide(topic, TopicControlCore.AlterInSync(topic.Control, partition, proposal, view.Statuses)));
        return topic ?? throw TopicPlans.Unknown(name);
    }

    public Task<TopicRecord> ReplicaLostAsync(TopicId id, PartitionIndex partition, NodeId replica) => ChangeAsync(current =>
    {
        var topic = Existing(current);
        if (topic.Id != id) throw TopicPlans.Unknown(id);
        return Granted(topic, partition, TopicControlCore.ReplicaLost(topic.Control, partition, replica, view.Statuses));
    });

    public Task<TopicRecord> ReassignAsync(PartitionIndex partition, ImmutableArray<NodeId>? target) => ChangeAsync(current =>
    {
        var topic = Existing(current);
        CheckNewcomers(topic.Control.Find(partition), target ?? []);
        return Granted(topic, partition, TopicControlCore.Reassign(topic.Control, partition, target, view.Statuses));
    });

    public Task<TopicRecord> ElectAsync(PartitionIndex partition, bool isUnclean) => ChangeAsync(current =>
    {
        var topic = Existing(current);
        var step = isUnclean
            ? TopicControlCore.ElectUnclean(topic.Control, partition, view.Statuses)
            : TopicControlCore.ElectPreferred(topic.Control, partition, view.Statuses);
        return Granted(topic, partition, step);
    });

    private static TopicRecord Next(TopicRecord topic, TopicControlState control) =>
        topic with { Version = topic.Version + 1, Control = control };

    /// <summary>Somebody who knows a newer state than this controller proves that there is one.</summary>
    private static Decision<TopicRecord?> Decide(TopicRecord topic, ControlStep step) =>
        new(step.HasChanges ? Next(topic, step.State) : topic, IsBehind: step.Error == ErrorCode.NotController);

    private static TopicRecord Granted(TopicRecord topic, PartitionIndex partition, ControlStep step) => step.Error switch
    {
        ErrorCode.None => step.HasChanges ? Next(topic, step.State) : topic,
        _ => throw new KafkaException(step.Error, Explain(step.Error, new TopicPartition(topic.Name, partition))),
    };

    private static string Explain(ErrorCode error, TopicPartition partition) => error switch
    {
        ErrorCode.UnknownTopicOrPartition => $"{partition} does not exist, or has no such replica.",
        ErrorCode.ElectionNotNeeded => $"{partition} has the leader it should have.",
        ErrorCode.PreferredLeaderNotAvailable => $"The preferred leader of {partition} is not in sync, or not up.",
        ErrorCode.EligibleLeadersNotAvailable => $"No other replica of {partition} could lead.",
        ErrorCode.NoReassignmentInProgress => $"{partition} is not being moved.",
        ErrorCode.InvalidReplicaAssignment =>
            $"{partition} cannot be moved there: name each replica once, brokers that are up, and keep one that is in sync.",
        _ => $"{partition}: {error}.",
    };

    private async Task<TopicRecord> ChangeAsync(Func<TopicRecord?, TopicRecord> decide) =>
        (await _keeper.ChangeAsync(topic => new(decide(topic))))!;

    private TopicRecord Existing(TopicRecord? topic) => topic is { IsDeleted: false } ? topic : throw TopicPlans.Unknown(name);

    private TopicRecord Plan(TopicRecord? current, NewTopic topic)
    {
        if (current is { IsDeleted: false }) throw TopicPlans.AlreadyExists(name);
        var plan = TopicPlans.Create(topic, catalog.Configs.Broker, Brokers());
        ImmutableArray<BrokerGeneration> started = [.. view.Cluster.Brokers.Select(broker => broker.Started)];
        var step = TopicControlCore.Create(plan.Placements, AllowsUnclean(plan.ConfigOverrides), view.Statuses, started);
        if (step.Error != ErrorCode.None)
        {
            throw new KafkaException(step.Error, $"No replica of one of the partitions of topic '{name}' would be up.");
        }

        return new TopicRecord(
            name, RandomIds.NewTopicId(), (current?.Version ?? 0) + 1, IsDeleted: false, plan.ConfigOverrides, step.State);
    }

    private TopicRecord Grow(TopicRecord topic, int totalCount, ImmutableArray<ImmutableArray<NodeId>>? assignments)
    {
        var present = topic.Control.Partitions;
        var placements = TopicPlacement.Grow(
            name, present.Length, present[0].Replicas.Length - present[0].Adding.Length, totalCount, assignments, Brokers());
        var step = TopicControlCore.Grow(topic.Control, placements, view.Statuses);
        return step.Error == ErrorCode.None
            ? Next(topic, step.State)
            : throw new KafkaException(step.Error, $"No replica of one of the partitions added to '{name}' would be up.");
    }

    /// <summary>A broker may seem to be up that is not registered yet, or to be unregistered.</summary>
    private void CheckNewcomers(PartitionState? partition, ImmutableArray<NodeId> target)
    {
        if (partition is null) return;
        var brokers = Brokers();
        foreach (var node in target.Where(node => !partition.Replicas.Contains(node) && !brokers.Any(broker => broker.Node == node)))
        {
            throw new KafkaException(
                ErrorCode.InvalidReplicaAssignment, $"Broker {node} is not registered, or to be unregistered: it takes no replicas.");
        }
    }

    /// <summary>Those that may be given replicas.</summary>
    private ImmutableArray<PlacementBroker> Brokers() =>
    [
        .. view.Cluster.Brokers.Where(broker => !broker.IsRetired).Select(broker => new PlacementBroker(
            broker.Endpoint.Node, broker.Endpoint.Rack, view.Statuses.CanLead(broker.Endpoint.Node))),
    ];

    private bool AllowsUnclean(ImmutableSortedDictionary<string, string> overrides) =>
        catalog.Configs.ResolveTopic(overrides).UncleanLeaderElection;
}
