using System.CommandLine;
using Loire.Cli.Shared;

namespace Loire.Cli.Brokers;

/// <summary><c>loire brokers replace --lost ID [--by ID]</c></summary>
internal static class BrokersReplace
{
    private static readonly Option<int> Lost = new("--lost")
    {
        Description = "The broker that will not come back",
        Required = true,
    };

    private static readonly Option<int[]> By = new("--by")
    {
        Description = "A broker that takes over; may repeat. Where not given, all that are up share the work",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<bool> Yes = new("--yes") { Description = "Do it; without this the moves are only shown" };

    public static Command Create() =>
        new Command("replace", "Give the replicas of a broker that is lost for good to others") { Lost, By, Yes }.Runs(async context =>
        {
            var cluster = await ClusterMap.ReadAsync(context);
            var lost = FindLost(cluster, context.Get(Lost));
            var plan = Replacement.Plan(cluster, lost.Id, Successors(cluster, lost, context.Get(By)!));
            if (plan.Stuck.Count > 0)
            {
                throw new CliException(
                    ExitCode.Refused,
                    $"Nobody can take over {plan.Stuck.Count} partitions, {plan.Stuck[0]} among them: each broker that may holds a replica "
                    + "already. Start a new broker, and name it with --by.");
            }

            context.Output.Rows(
                plan.Moves.Select(move => new Row(
                    move.Partition.Topic.Value,
                    move.Partition.Partition.Value,
                    [.. move.Before.Select(node => node.Value)],
                    [.. move.After.Select(node => node.Value)])).ToList(),
                ("Topic", row => row.Topic),
                ("Partition", row => row.Partition),
                ("Replicas", row => string.Join(',', row.Before)),
                ("Become", row => string.Join(',', row.After)));
            if (plan.Moves.Count == 0)
            {
                context.Output.Note($"Broker {lost.Id} holds no replicas.");
                return;
            }

            if (!context.Get(Yes))
            {
                context.Output.Note($"{plan.Moves.Count} partitions would be moved. Nothing is changed: repeat with --yes.");
                return;
            }

            await ReassignmentProgress.StartAsync(context, plan.Moves);
            context.Output.Note($"{plan.Moves.Count} moves are under way. They go on though this command be interrupted.");
            await ReassignmentProgress.WaitAsync(context, plan.Moves);
            context.Output.Note($"Broker {lost.Id} is replaced.");
        });

    private static MappedBroker FindLost(ClusterMap cluster, int id)
    {
        var lost = cluster.Find(id) ?? throw new CliException(ExitCode.Refused, $"The cluster knows no broker {id}.");
        return lost.IsLive
            ? throw new CliException(
                ExitCode.Refused, $"Broker {id} is up, at {lost.Address}: only one that is gone is replaced. Stop it first.")
            : lost;
    }

    private static List<MappedBroker> Successors(ClusterMap cluster, MappedBroker lost, IReadOnlyCollection<int> by)
    {
        if (by.Count == 0) return [.. cluster.Brokers.Where(broker => broker.IsLive && broker.Id != lost.Id)];
        return
        [
            .. by.Distinct().Select(id => cluster.Find(id) is { IsLive: true } broker
                ? broker
                : throw new CliException(ExitCode.Refused, $"Broker {id} is not up: start it, or name another with --by.")),
        ];
    }

    private sealed record Row(string Topic, int Partition, int[] Before, int[] After);
}
