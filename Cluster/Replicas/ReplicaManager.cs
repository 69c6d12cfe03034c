using System.Collections.Concurrent;
using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster.Replicas;

/// <summary>The replicas on this broker: kept in step with the topics' records, and found by whoever serves requests.
/// Changes come from the view's loop alone, lookups from anywhere and take no lock.</summary>
internal sealed class ReplicaManager : IPartitionDirectory, IClusterListener
{
    private readonly ConcurrentDictionary<TopicName, HostedTopic> _byName = new();
    private readonly ConcurrentDictionary<TopicId, HostedTopic> _byId = new();
    private readonly NodeId _self;
    private readonly RoleGate _gate;
    private readonly ReplicaLogs _logs;
    private readonly FetcherPool _fetchers;
    private readonly ClusterConfigs _configs;
    private readonly Action<TopicName> _noteStart;
    private readonly Action<TopicName> _catchUp;
    private volatile bool _isResigning;

    /// <param name="noteStart">Asks a topic's controller to note this broker's start.</param>
    /// <param name="catchUp">Asks a topic's controller for what was not heard of.</param>
    public ReplicaManager(
        NodeId self,
        RoleGate gate,
        ReplicaLogs logs,
        FetcherPool fetchers,
        ClusterConfigs configs,
        Action<TopicName> noteStart,
        Action<TopicName> catchUp)
    {
        _self = self;
        _gate = gate;
        _logs = logs;
        _fetchers = fetchers;
        _configs = configs;
        _noteStart = noteStart;
        _catchUp = catchUp;
    }

    /// <summary>All topics, those included of which nothing is here.</summary>
    public IEnumerable<HostedTopic> Topics => _byId.Select(topic => topic.Value);

    /// <summary>Every replica there is at this moment.</summary>
    public IEnumerable<PartitionReplica> Replicas => Topics.SelectMany(topic => topic.Replicas).OfType<PartitionReplica>();

    public InSyncChanges InSyncChanges { get; } = new();

    /// <summary>A later run of this broker has taken over.</summary>
    public bool IsSuperseded { get; private set; }

    public PartitionLookup Find(TopicName topic, PartitionIndex partition) => Find(topic, partition, LeaderEpoch.None);

    public PartitionLookup Find(TopicId topic, PartitionIndex partition) => Find(topic, partition, LeaderEpoch.None);

    public PartitionLookup Find(TopicName topic, PartitionIndex partition, LeaderEpoch known) =>
        _byName.TryGetValue(topic, out var hosted)
            ? Find(hosted, partition, known)
            : Unknown(ErrorCode.UnknownTopicOrPartition);

    public PartitionLookup Find(TopicId topic, PartitionIndex partition, LeaderEpoch known) =>
        _byId.TryGetValue(topic, out var hosted) ? Find(hosted, partition, known) : Unknown(ErrorCode.UnknownTopicId);

    /// <summary>Takes no more batches as a leader, now and later, so that others can take the lead.</summary>
    public void Resign()
    {
        _isResigning = true;
        foreach (var replica in Replicas) replica.Resign();
    }

    /// <summary>Answers all who wait and serves no more.</summary>
    public void Close()
    {
        foreach (var replica in Replicas) replica.Close(ErrorCode.NotLeaderOrFollower);
    }

    void IClusterListener.OnTopic(TopicRecord topic)
    {
        var before = _byName.GetValueOrDefault(topic.Name);
        if (before is not null && (topic.IsDeleted || before.Record.Id != topic.Id))
        {
            Drop(before);
            before = null;
        }

        var standing = _gate.Check(topic);
        _logs.Sweep(topic, standing == Standing.Noted);
        if (topic.IsDeleted) return;

        switch (standing)
        {
            case Standing.Noted:
                Host(topic, before);
                break;
            case Standing.NotNoted:
                var replicas = before?.Replicas ?? [.. new PartitionReplica?[topic.Control.Partitions.Length]];
                Publish(new HostedTopic(topic, replicas, HasRoles: false));
                if (_gate.Generation >= 0) _noteStart(topic.Name);
                break;
            default:
                IsSuperseded = true;
                Close();
                break;
        }
    }

    void IClusterListener.OnCluster()
    {
        var layers = _configs.Layers;
        foreach (var topic in Topics)
        {
            var config = layers.ResolveTopic(topic.Record.ConfigOverrides);
            foreach (var replica in topic.Replicas) replica?.Configure(config);
        }
    }

    /// <summary>Opens what is to be here, gives up what is not, and hands out the roles.</summary>
    private void Host(TopicRecord topic, HostedTopic? before)
    {
        var config = _configs.Layers.ResolveTopic(topic.ConfigOverrides);
        var states = topic.Control.Partitions;
        var replicas = ImmutableArray.CreateBuilder<PartitionReplica?>(states.Length);
        for (var i = 0; i < states.Length; i++)
        {
            var partition = new TopicIdPartition(topic.Id, topic.Name, new PartitionIndex(i));
            var replica = before?.Find(i);
            replica?.Configure(config);
            if (states[i].Replicas.Contains(_self))
            {
                if (replica is not null && _logs.Lost.FateOf(partition, states[i]) != Fate.Used)
                {
                    replica.Close(ErrorCode.NotLeaderOrFollower);
                    replica = null;
                }

                replica ??= _logs.TryOpen(partition, states[i], config);
            }
            else if (replica is not null)
            {
                replica.Close(ErrorCode.NotLeaderOrFollower);
                _logs.Delete(replica.Partition);
                replica = null;
            }

            replicas.Add(replica);
        }

        var hosted = new HostedTopic(topic, replicas.ToImmutable(), HasRoles: true);
        Publish(hosted);
        for (var i = 0; i < states.Length; i++)
        {
            if (hosted.Replicas[i] is not { } replica || before?.Knows(i, states[i]) == true) continue;
            TakeRole(replica, states[i]);
            if (states[i].Leader != _self || before?.Record.Control.Find(new PartitionIndex(i)) is not { } known) continue;
            InSyncChanges.Count(known, states[i]);
        }
    }

    private void TakeRole(PartitionReplica replica, PartitionState state)
    {
        replica.Apply(state);
        if (state.Leader == _self)
        {
            if (_isResigning) replica.Resign();
        }
        else if (state.Leader != NodeId.None)
        {
            _fetchers.Follow(state.Leader, replica);
        }
    }

    private void Publish(HostedTopic hosted)
    {
        _byId[hosted.Record.Id] = hosted;
        _byName[hosted.Record.Name] = hosted;
    }

    private void Drop(HostedTopic topic)
    {
        _byName.TryRemove(topic.Record.Name, out _);
        _byId.TryRemove(topic.Record.Id, out _);
        foreach (var replica in topic.Replicas)
        {
            if (replica is null) continue;
            replica.Close(ErrorCode.UnknownTopicOrPartition);
            _logs.Delete(replica.Partition);
        }
    }

    private PartitionLookup Find(HostedTopic topic, PartitionIndex partition, LeaderEpoch known)
    {
        if (!topic.Has(partition)) return Unknown(ErrorCode.UnknownTopicOrPartition);
        if (known > topic.Record.Control.Partitions[partition.Value].LeaderEpoch) _catchUp(topic.Record.Name);
        var replica = topic.Replicas[partition.Value];
        if (replica?.Availability == ErrorCode.None)
            return new PartitionLookup(ErrorCode.None, replica, _self, replica.LeaderEpoch);

        var state = topic.Record.Control.Partitions[partition.Value];
        var follower = replica?.IsFollowing(state.Leader) == true ? replica : null;
        return new PartitionLookup(ErrorCode.NotLeaderOrFollower, null, state.Leader, state.LeaderEpoch, follower);
    }

    private static PartitionLookup Unknown(ErrorCode error) => new(error, null, NodeId.None, LeaderEpoch.None);
}
