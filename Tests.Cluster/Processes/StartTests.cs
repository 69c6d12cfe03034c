using System.Text.Json;
using Loire.Tests.Cli;
using Loire.Tests.Cluster.Postgres;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>What a silo is refused for, and what it waits for.</summary>
[Collection(nameof(RealClients))]
public sealed class StartTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_second_broker_of_the_same_id_is_refused_and_the_first_serves_on()
    {
        using var postgres = Start();
        await using var first = new SiloProcess(postgres.Address, 1, OneReplica);
        await first.StartAgainAsync();
        await using var second = new SiloProcess(postgres.Address, 1, OneReplica);
        await ShouldRefuseAsync(second, "Broker 1 runs already");
        await Clients.ProduceAsync(ClientKind.Confluent, first.Bootstrap, "topic", [new Message(null, "still here")]);
        (await first.TerminateAsync()).ShouldBe(0);
        await first.StartAgainAsync();
        (await Clients.ConsumeAllAsync(first.Bootstrap, "topic")).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_broker_whose_port_is_taken_is_refused_before_it_belongs_to_the_cluster()
    {
        using var postgres = Start();
        await using var first = new SiloProcess(postgres.Address, 1, OneReplica);
        await first.StartAgainAsync();
        await using var second = new SiloProcess(postgres.Address, 2, OneReplica) { OtherPort = first.Port };
        await ShouldRefuseAsync(second, $"Cannot listen on 127.0.0.1:{first.Port} for Kafka clients");
        var listed = await CliRun.RunAsync("brokers", "list", "--json", "-b", first.Bootstrap);
        JsonDocument.Parse(listed.Output).RootElement.GetArrayLength().ShouldBe(1, "the second has not registered");
    }

    [Fact]
    public async Task The_directory_of_another_cluster_or_node_is_refused()
    {
        using var postgres = Start();
        await using var broker = new SiloProcess(postgres.Address, 1, OneReplica);
        await broker.StartAgainAsync();
        (await broker.TerminateAsync()).ShouldBe(0);

        await using var otherNode = new SiloProcess(postgres.Address, 2, OneReplica) { OtherDirectory = broker.DataDirectory };
        await ShouldRefuseAsync(otherNode, "belongs to node 1, and this is node 2");

        using var elsewhere = Start();
        await using var founder = new SiloProcess(elsewhere.Address, 2, OneReplica);
        await founder.StartAgainAsync();
        await using var otherCluster = new SiloProcess(elsewhere.Address, 1, OneReplica) { OtherDirectory = broker.DataDirectory };
        await ShouldRefuseAsync(otherCluster, "belongs to the cluster");
    }

    [Fact]
    public async Task PostgreSQL_that_is_away_is_waited_for()
    {
        using var postgres = Start();
        postgres.Stop();
        await using var broker = new SiloProcess(postgres.Address, 1, OneReplica);
        broker.Launch();
        await broker.WaitForLineAsync("cannot be reached");
        using var probe = new HttpClient();
        using (var notReady = await probe.GetAsync(broker.Http + "/health/ready", Cancelled))
            (await notReady.Content.ReadAsStringAsync(Cancelled)).ShouldContain("cannot be reached");
        postgres.StartAgain();
        await broker.WaitForLineAsync("is ready after");
        (await probe.GetStringAsync(broker.Http + "/health/cluster", Cancelled)).ShouldContain("under-replicated 0");
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_start_that_waits_for_PostgreSQL_ends_without_a_complaint_on(string signal)
    {
        using var postgres = Start();
        postgres.Stop();
        await using var broker = new SiloProcess(postgres.Address, 1, OneReplica);
        broker.Launch();
        await broker.WaitForLineAsync("cannot be reached");
        await broker.SignalAsync(signal);
        (await broker.WaitForExitAsync()).ShouldBe(0);
        broker.Output.ShouldContain("Loire has stopped before it was ready.");
        broker.Errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_broker_stops_in_time_while_PostgreSQL_is_away()
    {
        using var postgres = Start();
        await using var broker = new SiloProcess(postgres.Address, 1, OneReplica);
        await broker.StartAgainAsync();
        await Clients.ProduceAsync(ClientKind.Confluent, broker.Bootstrap, "topic", [new Message(null, "kept")]);
        postgres.Stop();
        (await broker.TerminateAsync()).ShouldBe(0);
        postgres.StartAgain();
        await broker.StartAgainAsync();
        (await Clients.ConsumeAllAsync(broker.Bootstrap, "topic")).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Without_a_cluster_a_silo_is_one_by_itself()
    {
        await using var broker = new SiloProcess(cluster: null, 1);
        await broker.StartAgainAsync();
        await Clients.ProduceAsync(ClientKind.Confluent, broker.Bootstrap, "topic", [new Message(null, "kept")]);
        (await broker.TerminateAsync()).ShouldBe(0);
        await broker.StartAgainAsync();
        (await Clients.ConsumeAllAsync(broker.Bootstrap, "topic")).Count.ShouldBe(1);
    }

    private static string[] OneReplica => ["--set", "default.replication.factor=1", "--set", "min.insync.replicas=1"];

    private static PrivatePostgres Start()
    {
        var postgres = PrivatePostgres.TryStart(out var whyNot);
        if (postgres is null) Assert.Skip(whyNot);
        return postgres;
    }

    private static async Task ShouldRefuseAsync(SiloProcess silo, string reason)
    {
        silo.Launch();
        (await silo.WaitForLineAsync("loire: ")).ShouldContain(reason);
        (await silo.WaitForExitAsync()).ShouldBeOneOf(1, 2);
    }
}
