using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Control;
using Loire.Protocol;

namespace Loire.Grains.Storage;

/// <summary>The cluster as it lies in the storage. Names of members are persisted: a change of theirs is a new
/// format.</summary>
/// <param name="Configs">What was set on the brokers, by broker id; under the empty name what holds for all.</param>
/// <param name="NextProducerId">The first that was never handed out.</param>
internal sealed record ClusterDocument(
    int Format,
    string ClusterId,
    long Version,
    ImmutableArray<BrokerDocument> Brokers,
    SortedDictionary<string, SortedDictionary<string, string>> Configs,
    long NextProducerId)
{
    public const int CurrentFormat = 2;

    public static ClusterDocument From(ClusterState cluster) => new(
        CurrentFormat,
        cluster.Record.ClusterId,
        cluster.Record.Version,
        [
            .. cluster.Record.Brokers.Select(broker => BrokerDocument.From(
                broker, cluster.Runs.GetValueOrDefault(broker.Endpoint.Node.Value))),
        ],
        new(
            cluster.Record.BrokerConfigs.ToDictionary(
                configs => configs.Key,
                configs => new SortedDictionary<string, string>(configs.Value, StringComparer.Ordinal)),
            StringComparer.Ordinal),
        cluster.NextProducerId);

    public ClusterState ToState() => new(
        new ClusterRecord(
            ClusterId,
            Version,
            [.. Brokers.Select(broker => broker.ToRegistration())],
            Configs.ToImmutableSortedDictionary(
                configs => configs.Key,
                configs => configs.Value.ToImmutableSortedDictionary(StringComparer.Ordinal),
                StringComparer.Ordinal)),
        NextProducerId,
        Brokers.Where(broker => broker.Run is not null).ToImmutableDictionary(broker => broker.Node, broker => broker.Run!));
}

/// <param name="Rack">Null where the broker names none.</param>
/// <param name="Run">Null where it registered before runs were noted.</param>
/// <param name="IsRetired">Of format 2.</param>
internal sealed record BrokerDocument(
    int Node,
    string Host,
    int Port,
    long Generation,
    string DirectoryId,
    bool IsDraining,
    string? Rack = null,
    string? Run = null,
    bool IsRetired = false)
{
    public static BrokerDocument From(BrokerRegistration broker, string? run) => new(
        broker.Endpoint.Node.Value,
        broker.Endpoint.Host,
        broker.Endpoint.Port,
        broker.Started.Generation,
        broker.Started.DirectoryId,
        broker.IsDraining,
        broker.Endpoint.Rack,
        run,
        broker.IsRetired);

    public BrokerRegistration ToRegistration() => new(
        new BrokerEndpoint(new NodeId(Node), Host, Port, Rack),
        new BrokerGeneration(new NodeId(Node), Generation, DirectoryId),
        IsDraining,
        IsRetired);
}
