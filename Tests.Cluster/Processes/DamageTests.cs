using Loire.Tests.Cli;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>A broker of a cluster whose disk lost something, from the refusal to the complete replica.</summary>
[Collection(nameof(RealClients))]
public sealed class DamageTests
{
    private const string Topic = "survives";
    private const int MessagesPerRound = 1_200;

    [Fact]
    public async Task A_damaged_journal_is_refused_and_after_its_repair_the_broker_fetches_what_is_missing()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        await using var producer = new ContinuousProducer(cluster, Topic, isIdempotent: true);
        for (var round = 0; round < 3; round++)
        {
            // So that each partition has batches behind the damage: what is lost is a hole, not an end.
            await producer.SendAsync(MessagesPerRound);
            await producer.WaitUntilAllAcknowledgedAsync();
        }

        var damaged = cluster.Silos[1];
        await damaged.KillAsync();
        JournalDamage.Inflict(damaged.DataDirectory);
        damaged.Launch();
        (await damaged.WaitForLineAsync("loire: ")).ShouldContain("'loire log repair' cuts it out and keeps the rest");
        (await damaged.WaitForExitAsync()).ShouldBe(1);
        await producer.SendAsync(MessagesPerRound);

        var repair = await CliRun.RunAsync("log", "repair", damaged.DataDirectory, "--yes");
        repair.ExitCode.ShouldBe(0, repair.Error);
        damaged.Launch();
        await damaged.WaitForLineAsync("is dropped; it is fetched again");
        await damaged.WaitForLineAsync("is ready after");
        await producer.SendAsync(MessagesPerRound);
        await producer.WaitUntilAllAcknowledgedAsync();
        foreach (var silo in cluster.Silos) await silo.WaitUntilReplicatedAsync();

        await cluster.Silos[0].KillAsync();
        await producer.SendAsync(MessagesPerRound);
        await producer.VerifyAsync();
    }
}
