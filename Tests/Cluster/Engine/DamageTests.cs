using Loire.Log;
using Loire.Protocol;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Brokers whose logs are damaged, and what becomes of their replicas.</summary>
public sealed class DamageTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_replica_in_which_damage_is_found_is_fetched_again_as_a_whole()
    {
        await using var cluster = await TestCluster.StartAsync();
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(100);

        var damaged = cluster.LeaderOf(topic);
        await damaged.KillAsync();
        JournalDamage.Inflict(damaged.DataDirectory);
        await damaged.StartAsync(Token);
        await UntilFetchedAgainAsync(cluster, topic, damaged);
        await ProveAloneAsync(cluster, topic, damaged, ledger);
    }

    [Fact]
    public async Task A_replica_of_which_a_repair_kept_only_parts_is_fetched_again_as_a_whole()
    {
        await using var cluster = await TestCluster.StartAsync();
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(100);

        var damaged = cluster.Up.First(broker => broker != cluster.LeaderOf(topic));
        await damaged.KillAsync();
        Repair(damaged);
        await ledger.WriteAsync(20);
        await damaged.StartAsync(Token);
        await UntilFetchedAgainAsync(cluster, topic, damaged);
        await ProveAloneAsync(cluster, topic, damaged, ledger);
    }

    [Fact]
    public async Task A_replica_that_cannot_be_opened_is_fetched_again()
    {
        await using var cluster = await TestCluster.StartAsync();
        var topic = await cluster.CreateTopicAsync("orders", 1, 3);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(100);

        var damaged = cluster.LeaderOf(topic);
        await damaged.KillAsync();
        var open = damaged.OpenStore;
        damaged.OpenStore = () => new UnreadableStore(open(), partition => partition.Topic == topic);
        await damaged.StartAsync(Token);
        await UntilFetchedAgainAsync(cluster, topic, damaged);
        await ProveAloneAsync(cluster, topic, damaged, ledger);
    }

    [Fact]
    public async Task The_only_copy_is_served_on_though_it_is_damaged()
    {
        await using var cluster = await TestCluster.StartAsync(1);
        var topic = await cluster.CreateTopicAsync("orders", 1, 1);
        await using var ledger = await Ledger.OpenAsync(cluster, topic);
        await ledger.WriteAsync(100);

        var sole = cluster[1];
        await sole.KillAsync();
        JournalDamage.Inflict(sole.DataDirectory);
        await sole.StartAsync(Token);
        await UntilSaidAsync(sole, "no other broker is in sync: it is kept");
        cluster.LeaderOf(topic).ShouldBe(sole);
        await ledger.WriteAsync(10);
    }

    [Fact]
    public async Task The_only_copy_of_which_a_repair_kept_only_parts_is_offline_until_an_operator_accepts_it()
    {
        await using var cluster = await TestCluster.StartAsync(1);
        var topic = await cluster.CreateTopicAsync("orders", 1, 1);
        await using (var ledger = await Ledger.OpenAsync(cluster, topic)) await ledger.WriteAsync(100);

        var sole = cluster[1];
        await sole.KillAsync();
        Repair(sole);
        await sole.StartAsync(Token);
        cluster.State(topic).Leader.ShouldBe(NodeId.None);
        sole.Broker!.Health.Replicas.Offline.ShouldBe(1);
        sole.Store.Partitions.ShouldHaveSingleItem();
        sole.LogLines.Lines.ShouldContain(line => line.Contains("the partition is offline and the log kept", StringComparison.Ordinal));

        await sole.Control.ElectAsync(topic, new PartitionIndex(0), isUnclean: true, Token);
        await sole.ToldAsync();
        sole.Broker.Partitions.Find(topic, new PartitionIndex(0)).Error.ShouldBe(ErrorCode.None);
        await using var more = await Ledger.OpenAsync(cluster, topic);
        await more.WriteAsync(10);
    }

    private static void Repair(TestBroker broker)
    {
        JournalDamage.Inflict(broker.DataDirectory);
        LogRepairer.Repair(broker.DataDirectory).Losses.ShouldNotBeEmpty();
        broker.RenewDirectoryId();
    }

    private static async Task UntilFetchedAgainAsync(TestCluster cluster, TopicName topic, TestBroker damaged)
    {
        await UntilSaidAsync(damaged, "is dropped; it is fetched again");
        await Eventually.IsTrueAsync(() => cluster.State(topic).InSync.Length == 3, "the broker has fetched everything");
    }

    private static Task UntilSaidAsync(TestBroker broker, string text) => Eventually.IsTrueAsync(
        () => broker.LogLines.Lines.Any(line => line.Contains(text, StringComparison.Ordinal)), $"broker {broker.Node} says '{text}'");

    /// <summary>With all others gone the broker has everything.</summary>
    private static async Task ProveAloneAsync(TestCluster cluster, TopicName topic, TestBroker broker, Ledger ledger)
    {
        foreach (var other in cluster.Up.Where(other => other != broker).ToList())
        {
            await other.KillAsync();
            await cluster.NoticeAsync(other);
        }

        cluster.LeaderOf(topic).ShouldBe(broker);
        await ledger.ProveAsync();
    }
}
