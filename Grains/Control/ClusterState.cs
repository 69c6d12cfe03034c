using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Cluster;
using Loire.Grains.Storage;
using Loire.Protocol;

namespace Loire.Grains.Control;

/// <summary>What the controller of the cluster decides on, and how. Immutable.</summary>
/// <param name="Record">What brokers are told; without a cluster id while none ever registered.</param>
/// <param name="NextProducerId">The first that was never handed out.</param>
/// <param name="Runs">By broker id, the run that was given the present generation: the address of its silo, which no other
/// run has.</param>
internal sealed record ClusterState(ClusterRecord Record, long NextProducerId, ImmutableDictionary<int, string> Runs)
{
    public static readonly StateForm<ClusterState, ClusterDocument> Form = new(
        new ClusterState(
            new ClusterRecord(
                "", 0, [], ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<string, string>>(StringComparer.Ordinal)),
            NextProducerId: 0,
            ImmutableDictionary<int, string>.Empty),
        document => document.ToState(),
        ClusterDocument.From);

    /// <summary>A broker runs anew, under the next generation. The first of all makes the cluster. A run that registers again,
    /// or whose first attempt comes late, keeps its generation: it may fetch under it already. A generation is the version of
    /// the record it begins with, so it is higher than all that topics have noted, also of a broker that was unregistered
    /// meanwhile.</summary>
    /// <param name="clusterId">What its data directory says; null for a new one.</param>
    /// <exception cref="KafkaException">INCONSISTENT_CLUSTER_ID.</exception>
    public ClusterState Register(BrokerEndpoint endpoint, string directoryId, string? clusterId, string run)
    {
        if (Runs.GetValueOrDefault(endpoint.Node.Value) == run) return this;
        if (clusterId is not null && clusterId != Record.ClusterId)
        {
            throw new KafkaException(
                ErrorCode.InconsistentClusterId,
                Record.ClusterId.Length > 0
                    ? $"The data directory of broker {endpoint.Node} belongs to the cluster {clusterId}, this cluster is "
                    + $"{Record.ClusterId}: name another directory or another cluster."
                    : $"The data directory of broker {endpoint.Node} belongs to the cluster {clusterId}, but the cluster's storage "
                    + "is empty: restore the storage, or name an empty directory to make a new cluster.");
        }

        var broker = new BrokerRegistration(
            endpoint, new BrokerGeneration(endpoint.Node, Record.Version + 1, directoryId), IsDraining: false);
        var registered = With(Record with
        {
            ClusterId = Record.ClusterId.Length > 0 ? Record.ClusterId : RandomIds.NewClusterId(),
            Brokers = [.. Record.Brokers.Where(known => known.Endpoint.Node != endpoint.Node).Append(broker)
                .OrderBy(known => known.Endpoint.Node.Value)],
        });
        return registered with { Runs = Runs.SetItem(endpoint.Node.Value, run) };
    }

    /// <summary>A broker hands its leaderships over, or does so no more. Of an earlier run of it nothing is noted.</summary>
    public ClusterState SetDraining(NodeId node, long generation, bool isDraining)
    {
        if (Record.Find(node) is not { } broker || broker.Started.Generation != generation) return this;
        return broker.IsDraining == isDraining
            ? this
            : With(Record with { Brokers = Record.Brokers.Replace(broker, broker with { IsDraining = isDraining }) });
    }

    /// <summary>A broker is to be unregistered, and gets no replicas from now on.</summary>
    /// <exception cref="KafkaException">BROKER_ID_NOT_REGISTERED.</exception>
    public ClusterState Retire(NodeId node)
    {
        var broker = Record.Find(node)
            ?? throw new KafkaException(ErrorCode.BrokerIdNotRegistered, $"No broker {node} is registered with this cluster.");
        return broker.IsRetired
            ? this
            : With(Record with { Brokers = Record.Brokers.Replace(broker, broker with { IsRetired = true }) });
    }

    /// <summary>Nothing of a retired run stays: neither the registration nor the settings.</summary>
    /// <exception cref="KafkaException">DUPLICATE_BROKER_REGISTRATION: it has registered anew since.</exception>
    public ClusterState Unregister(BrokerGeneration retired)
    {
        var node = retired.Broker;
        if (Record.Find(node) is not { } broker) return this;
        if (broker.Started != retired)
        {
            throw new KafkaException(
                ErrorCode.DuplicateBrokerRegistration, $"Broker {node} has come back meanwhile, and stays registered.");
        }

        var unregistered = With(Record with
        {
            Brokers = Record.Brokers.Remove(broker),
            BrokerConfigs = Record.BrokerConfigs.Remove(node.ToString()),
        });
        return unregistered with { Runs = Runs.Remove(node.Value) };
    }

    /// <exception cref="KafkaException">INVALID_CONFIG, INVALID_REQUEST, INVALID_UPDATE_VERSION.</exception>
    public ClusterState SetConfigs(string broker, ImmutableSortedDictionary<string, string> overrides, long version)
    {
        if (version != Record.Version)
        {
            throw new KafkaException(
                ErrorCode.InvalidUpdateVersion,
                $"The cluster has version {Record.Version}, the change was made from {version}: read again.");
        }

        if (broker.Length > 0 && !Record.Brokers.Any(known => known.Endpoint.Node.ToString() == broker))
        {
            throw new KafkaException(
                ErrorCode.InvalidRequest, $"There is no broker '{broker}': expected a registered id, or nothing for all brokers.");
        }

        var normalized = TopicPlans.BrokerOverrides(overrides);
        return With(Record with
        {
            BrokerConfigs = normalized.IsEmpty
                ? Record.BrokerConfigs.Remove(broker)
                : Record.BrokerConfigs.SetItem(broker, normalized),
        });
    }

    public ClusterState ReserveProducerIds(int count) => this with { NextProducerId = checked(NextProducerId + count) };

    private ClusterState With(ClusterRecord record) => this with { Record = record with { Version = Record.Version + 1 } };
}
