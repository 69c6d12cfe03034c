using System.Collections.Immutable;
using System.Text.Json;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Tests.Cluster.Serialization;

/// <summary>Records in which every member has a value of its own.</summary>
internal static class Records
{
    public static TopicRecord Topic() => new(
        new TopicName("orders"),
        new TopicId(Guid.Parse("11111111-2222-3333-4444-555555555555")),
        Version: 7,
        IsDeleted: true,
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add("retention.ms", "1000"),
        new TopicControlState(
            [
                new PartitionState
                {
                    Replicas = [new NodeId(1), new NodeId(2), new NodeId(3)],
                    InSync = [new NodeId(2)],
                    Leader = new NodeId(2),
                    LeaderEpoch = new LeaderEpoch(4),
                    PartitionEpoch = 5,
                    Adding = [new NodeId(1)],
                    Removing = [new NodeId(3)],
                },
                PartitionState.Sole(new NodeId(3), new LeaderEpoch(6)),
            ],
            [new BrokerGeneration(new NodeId(1), 8, "directory-1")],
            AllowsUncleanElection: true));

    public static ClusterRecord Cluster() => new(
        "cluster",
        Version: 9,
        [
            new BrokerRegistration(
                new BrokerEndpoint(new NodeId(1), "localhost", 9092, "rack"),
                new BrokerGeneration(new NodeId(1), 10, "directory-1"),
                IsDraining: true,
                IsRetired: true),
        ],
        ImmutableSortedDictionary.Create<string, ImmutableSortedDictionary<string, string>>(StringComparer.Ordinal)
            .Add("", ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add("log.retention.ms", "11")));

    /// <summary>All that a record holds, to be compared.</summary>
    public static string Text<T>(T record) => JsonSerializer.Serialize(record);
}
