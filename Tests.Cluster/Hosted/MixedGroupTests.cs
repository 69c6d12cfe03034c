using System.Text.Json.Nodes;
using Loire.Client;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A group with a member that is a Kafka client (librdkafka) and one that is an Orleans client. Who comes first
/// leads the group and assigns.</summary>
[Collection(nameof(HostedClusters))]
public sealed class MixedGroupTests
{
    private const string Topic = "work";
    private const string Group = "workers";
    private const int PartitionCount = 4;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(AssignmentStrategy.Range, "range")]
    [InlineData(AssignmentStrategy.CooperativeSticky, "cooperative-sticky")]
    public async Task The_Kafka_member_takes_over_from_the_Orleans_member(AssignmentStrategy strategy, string name)
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, PartitionCount);
        await using var orleans = new OrleansMember(cluster.Client, Group, Topic, Options(strategy));
        await Eventually.IsTrueAsync(() => orleans.Told.Owned.Count == PartitionCount);
        await using var kafka = KafkaMember(cluster, name);
        await kafka.WaitForAsync(line => Assigned(line) == 2, "two partitions");
        await Eventually.IsTrueAsync(() => orleans.Told.Owned.Count == 2);
        if (strategy == AssignmentStrategy.CooperativeSticky)
            orleans.Told.Assigned.Count.ShouldBe(PartitionCount, "what stayed was not given anew");

        await ProduceRoundAsync(cluster, "both");
        await UntilCommittedAsync(cluster, 1);
        var read = await ReadAsync(kafka, 2);
        read.Concat(orleans.Values).ShouldBe(Round("both"), ignoreOrder: true);

        await orleans.StopAsync();
        await kafka.WaitForAsync(line => Assigned(line) == PartitionCount, "all partitions");
        await ProduceRoundAsync(cluster, "one");
        (await ReadAsync(kafka, PartitionCount)).ShouldBe(Round("one"), ignoreOrder: true);
        await UntilCommittedAsync(cluster, 2);
    }

    [Theory]
    [InlineData(AssignmentStrategy.Range, "range")]
    [InlineData(AssignmentStrategy.CooperativeSticky, "cooperative-sticky")]
    public async Task The_Orleans_member_takes_over_from_the_Kafka_member(AssignmentStrategy strategy, string name)
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, PartitionCount);
        await using var kafka = KafkaMember(cluster, name);
        await kafka.WaitForAsync(line => Assigned(line) == PartitionCount, "all partitions");
        await using var orleans = new OrleansMember(cluster.Client, Group, Topic, Options(strategy));
        await Eventually.IsTrueAsync(() => orleans.Told.Owned.Count == 2);
        await kafka.WaitForAsync(line => Assigned(line) == 2, "two partitions");

        await ProduceRoundAsync(cluster, "both");
        await UntilCommittedAsync(cluster, 1);
        var read = await ReadAsync(kafka, 2);
        read.Concat(orleans.Values).ShouldBe(Round("both"), ignoreOrder: true);

        await kafka.WriteLineAsync("stop");
        await kafka.FinishAsync();
        await Eventually.IsTrueAsync(() => orleans.Told.Owned.Count == PartitionCount);
        if (strategy == AssignmentStrategy.CooperativeSticky)
            orleans.Told.Revoked.ShouldBeEmpty("what it had it kept");
        await ProduceRoundAsync(cluster, "one");
        await UntilCommittedAsync(cluster, 2);
        orleans.Values.Skip(2).ShouldBe(Round("one"), ignoreOrder: true);
    }

    private static GroupConsumerOptions Options(AssignmentStrategy strategy) => new()
    {
        Strategies = [strategy],
        HeartbeatInterval = TimeSpan.FromMilliseconds(200),
        AutoCommitInterval = TimeSpan.FromMilliseconds(200),
    };

    private static ClientProcess KafkaMember(LoireTestCluster cluster, string strategy) => ClientProcess.Start(
        ClientKind.Confluent,
        "member",
        new JsonObject
        {
            ["bootstrap"] = cluster.Bootstrap,
            ["topic"] = Topic,
            ["group"] = Group,
            ["strategy"] = strategy,
            ["session"] = 45_000,
        });

    private static int? Assigned(JsonNode line) => (line["assigned"] as JsonArray)?.Count;

    private static IEnumerable<string> Round(string name) =>
        Enumerable.Range(0, PartitionCount).Select(partition => $"{name}-{partition}");

    private static Task ProduceRoundAsync(LoireTestCluster cluster, string name) => Clients.ProduceAsync(
        ClientKind.Confluent,
        cluster.Bootstrap,
        Topic,
        Round(name).Select((value, partition) => new Message(null, value, partition)),
        idempotent: true);

    /// <summary>The values of the next messages that the Kafka member reads.</summary>
    private static async Task<List<string>> ReadAsync(ClientProcess member, int count)
    {
        var values = new List<string>();
        while (values.Count < count)
            values.Add(Message.Decode((await member.WaitForAsync(line => line["value"] is not null, "a message"))["value"])!);
        return values;
    }

    private static async Task UntilCommittedAsync(LoireTestCluster cluster, long offset)
    {
        await using var client = cluster.CreateKafkaClient();
        await Eventually.AnswersAsync(
            () => client.FetchCommittedAsync(new GroupId(Group), Cancelled),
            committed => committed.Count == PartitionCount && committed.Values.All(known => known.Value == offset),
            $"offset {offset} is committed for each partition");
    }
}
