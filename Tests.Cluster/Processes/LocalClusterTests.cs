using System.Globalization;
using System.Text.Json;
using Loire.Tests.Cluster.Postgres;
using Loire.Tests.Cluster.Readme;
using Loire.Tests.RealClients;
using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary><c>./run cluster</c> and what the README shows of it.</summary>
[Collection(nameof(RealClients))]
public sealed class LocalClusterTests : IDisposable
{
    private readonly string _directory = LocalCluster.CreateDirectory();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task The_producer_and_the_consumer_of_the_readme_survive_a_kill_minus_9_of_the_leader()
    {
        await using var cluster = new LocalCluster(_directory);
        cluster.Launch();
        await cluster.WaitUntilReadyAsync();
        var programs = ReadmePage.Blocks("A cluster", "python").Select(cluster.AtThesePorts).ToArray();
        programs.Length.ShouldBe(2);
        await using var producer = Python(programs[0]);
        await using var consumer = Python(programs[1]);
        var acknowledged = await ReadAsync(producer, "acknowledged", 20);
        await ReadAsync(consumer, "consumed", acknowledged);

        await using var describe = ClientProcess.Start(
            Path.Combine(Repository.Root, "loire"), "topics", "describe", "numbers", "--json", "-b", cluster.Bootstrap);
        var described = string.Concat((await describe.FinishAsync()).Select(line => line.ToString()));
        var leader = JsonDocument.Parse(described).RootElement[0].GetProperty("leader").GetInt32();
        await cluster.KillAsync(leader);
        await cluster.WaitForLineAsync($"Broker {leader.ToString(CultureInfo.InvariantCulture)} has ended with code 137");
        acknowledged = await ReadAsync(producer, "acknowledged", acknowledged + 50);
        await ReadAsync(consumer, "consumed", acknowledged);
        Numbers(consumer, "consumed").Distinct().Order().Take(acknowledged + 1).ShouldBe(Enumerable.Range(0, acknowledged + 1));

        await using var back = cluster.Alone(leader);
        await back.StartAgainAsync();
        (await back.TerminateAsync()).ShouldBe(0);
        (await cluster.TerminateAsync()).ShouldBe(0);
        PrivatePostgres.Runs(Path.Combine(_directory, "data", "cluster", "postgres")).ShouldBeFalse();
    }

    /// <summary>None of the brokers is then one that <c>./run cluster</c> started, whose PostgreSQL all of them need.</summary>
    [Fact]
    public async Task Each_broker_in_turn_may_be_killed_and_started_again()
    {
        await using var cluster = new LocalCluster(_directory);
        cluster.Launch();
        await cluster.WaitUntilReadyAsync();
        LocalCluster[] again = [.. Enumerable.Range(1, LocalCluster.BrokerCount).Select(cluster.Alone)];
        try
        {
            for (var broker = 1; broker <= LocalCluster.BrokerCount; broker++)
            {
                await cluster.KillAsync(broker);
                await cluster.WaitForLineAsync($"Broker {broker.ToString(CultureInfo.InvariantCulture)} has ended");
                await again[broker - 1].StartAgainAsync();
            }
        }
        finally
        {
            foreach (var each in again) await each.DisposeAsync();
        }

        (await cluster.WaitForExitAsync()).ShouldBe(0);
        PrivatePostgres.Runs(Path.Combine(_directory, "data", "cluster", "postgres")).ShouldBeFalse();
    }

    [Fact]
    public async Task One_of_the_brokers_is_refused_where_no_cluster_runs_and_leaves_nothing_running()
    {
        await using var broker = new LocalCluster(_directory).Alone(2);
        broker.Launch();
        await broker.WaitForLineAsync("start it with ./run cluster");
        (await broker.WaitForExitAsync()).ShouldBe(1);
        PrivatePostgres.Runs(Path.Combine(_directory, "data", "cluster", "postgres")).ShouldBeFalse();
    }

    private static ClientProcess Python(string program) => ClientProcess.Start("/usr/bin/python3", "-u", "-c", program);

    /// <returns>The number that was waited for.</returns>
    private static async Task<int> ReadAsync(ClientProcess client, string what, int number)
    {
        var wanted = $"{what} {number.ToString(CultureInfo.InvariantCulture)}";
        await client.WaitForAsync(line => line.GetValue<string>() == wanted, wanted);
        return number;
    }

    private static IEnumerable<int> Numbers(ClientProcess client, string what) => client.Seen
        .Select(line => line.GetValue<string>().Split(' '))
        .Where(words => words[0] == what)
        .Select(words => int.Parse(words[1], CultureInfo.InvariantCulture));
}
