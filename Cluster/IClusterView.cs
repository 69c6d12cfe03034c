using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>What this broker knows of the cluster: never newer than what is persisted, and never older than what it knew
/// before. Reads take no lock.</summary>
public interface IClusterView
{
    ClusterRecord Cluster { get; }

    /// <summary>The registered brokers as the membership sees them now.</summary>
    BrokerStatuses Statuses { get; }

    /// <summary>Deleted topics included.</summary>
    TopicRecord? Find(TopicName topic);

    ImmutableArray<TopicRecord> Topics { get; }
}

/// <summary>Takes in news of the cluster. What is not newer than what is known changes nothing.</summary>
public interface IClusterLearner
{
    void Learn(TopicRecord topic);

    void Learn(ClusterRecord cluster);

    /// <param name="live">The brokers that the membership sees.</param>
    void Learn(ImmutableArray<NodeId> live);

    /// <summary>Completes when the rest of the broker has been told all that had been learnt when this was called: clients
    /// find it from then on.</summary>
    Task ToldAsync();
}
