using System.CommandLine;
using Loire.Cli.Shared;

namespace Loire.Cli.Brokers;

/// <summary><c>loire brokers list</c></summary>
internal static class BrokersList
{
    public static Command Create() => new Command("list", "List the brokers and what each holds").Runs(async context =>
    {
        var cluster = await ClusterMap.ReadAsync(context);
        var rows = cluster.Brokers.Select(broker => new Row(
            broker.Id.Value,
            broker.Address,
            broker.Rack,
            broker.IsLive,
            cluster.Partitions.Count(partition => partition.Leader == broker.Id),
            cluster.Partitions.Count(partition => partition.Replicas.Contains(broker.Id)),
            cluster.Partitions.Count(partition => partition.Replicas.Contains(broker.Id) && !partition.InSync.Contains(broker.Id))));
        context.Output.Rows(
            [.. rows],
            ("Broker", row => row.Broker),
            ("Address", row => row.Address),
            ("Rack", row => row.Rack),
            ("Up", row => row.IsLive ? "yes" : "no"),
            ("Leads", row => row.Leads),
            ("Replicas", row => row.Replicas),
            ("Out of sync", row => row.OutOfSync));
    });

    private sealed record Row(int Broker, string? Address, string? Rack, bool IsLive, int Leads, int Replicas, int OutOfSync);
}
