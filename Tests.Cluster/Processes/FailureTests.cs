using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>Silos as processes die, freeze and return while real producers go on.</summary>
[Collection(nameof(RealClients))]
public sealed class FailureTests
{
    private const string Topic = "survives";
    private const int MessagesPerRound = 1_200;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Kill_minus_9_of_each_silo_in_turn_loses_nothing_acknowledged(bool isIdempotent)
    {
        await using var cluster = await ProcessCluster.StartAsync();
        await using var producer = new ContinuousProducer(cluster, Topic, isIdempotent);
        await producer.SendAsync(MessagesPerRound);
        foreach (var silo in cluster.Silos)
        {
            await producer.SendAsync(MessagesPerRound);
            await silo.KillAsync();
            await producer.SendAsync(MessagesPerRound);
            await silo.StartAgainAsync();
        }

        await producer.VerifyAsync();
    }

    [Fact]
    public async Task A_silo_that_was_paused_is_replaced_ends_itself_and_can_return()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        await using var producer = new ContinuousProducer(cluster, Topic, isIdempotent: true);
        await producer.SendAsync(MessagesPerRound);
        var paused = cluster.Silos[1];
        await paused.SignalAsync("STOP");
        // Of each partition, so the paused silo's have a new leader when all are acknowledged.
        await producer.SendAsync(MessagesPerRound);
        await producer.WaitUntilAllAcknowledgedAsync();
        await paused.SignalAsync("CONT");
        await paused.WaitForLineAsync("The other brokers have declared this one dead");
        (await paused.WaitForExitAsync()).ShouldBe(1);
        await producer.SendAsync(MessagesPerRound);
        await paused.StartAgainAsync();
        await cluster.Silos[0].KillAsync();
        await producer.SendAsync(MessagesPerRound);
        await producer.VerifyAsync();
    }

    [Fact]
    public async Task Brokers_serve_on_without_PostgreSQL_and_elect_again_once_it_is_back()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        await using var producer = new ContinuousProducer(cluster, Topic, isIdempotent: true);
        await producer.SendAsync(MessagesPerRound);
        cluster.Postgres.Stop();
        for (var round = 0; round < 3; round++)
        {
            await producer.SendAsync(MessagesPerRound);
            await producer.WaitUntilAllAcknowledgedAsync();
        }

        cluster.Postgres.StartAgain();
        await cluster.Silos[2].KillAsync();
        await producer.SendAsync(MessagesPerRound);
        await producer.VerifyAsync();
    }

    [Fact]
    public async Task All_silos_killed_at_once_come_back_with_everything()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        await using var producer = new ContinuousProducer(cluster, Topic, isIdempotent: true);
        await producer.SendAsync(MessagesPerRound);
        await Task.WhenAll(cluster.Silos.Select(silo => silo.KillAsync()));
        await Task.WhenAll(cluster.Silos.Select(silo => silo.StartAgainAsync()));
        await producer.SendAsync(MessagesPerRound);
        await producer.VerifyAsync();
    }

    [Fact]
    public async Task A_rolling_restart_in_mid_load_goes_unnoticed()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        await using var producer = new ContinuousProducer(cluster, Topic, isIdempotent: true);
        foreach (var silo in cluster.Silos)
        {
            await producer.SendAsync(MessagesPerRound);
            (await silo.TerminateAsync()).ShouldBe(0);
            await silo.StartAgainAsync();
        }

        await producer.VerifyAsync();
    }
}
