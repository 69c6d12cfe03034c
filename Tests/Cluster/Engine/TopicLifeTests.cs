using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Topics and settings over three brokers: what one of them is asked, all of them do.</summary>
public sealed class TopicLifeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_created_topic_is_there_when_the_answer_comes_and_soon_everywhere()
    {
        await using var cluster = await TestCluster.StartAsync();
        var name = await cluster.CreateTopicAsync("orders", 6, 3);
        var first = cluster[1].Broker!;
        var topic = first.Catalog.Current.Find(name).ShouldNotBeNull();
        topic.Partitions.Select(partition => partition.Leader).Distinct().Count().ShouldBe(3);
        foreach (var partition in topic.Partitions)
        {
            var lookup = first.Partitions.Find(name, partition.Index);
            lookup.Leader.ShouldBe(partition.Leader);
            lookup.Error.ShouldBe(partition.Leader == new NodeId(1) ? ErrorCode.None : ErrorCode.NotLeaderOrFollower);
        }

        foreach (var broker in cluster.Up)
        {
            await Eventually.IsTrueAsync(
                () => broker.Broker!.Health is { IsReady: true, Replicas: { Led: 2, Following: 4, Offline: 0 } },
                $"broker {broker.Node} leads a third");
        }

        var again = await Should.ThrowAsync<KafkaException>(() => cluster.CreateTopicAsync("orders", 1, 1));
        again.Code.ShouldBe(ErrorCode.TopicAlreadyExists);
        await first.Catalog.CreatePartitionsAsync(name, 8, assignments: null, validateOnly: true, Token);
        first.Catalog.Current.Find(name)!.Partitions.Length.ShouldBe(6);
        await first.Catalog.CreatePartitionsAsync(name, 8, assignments: null, validateOnly: false, Token);
        first.Catalog.Current.Find(name)!.Partitions.Length.ShouldBe(8);
    }

    [Fact]
    public async Task Metadata_shows_live_brokers_only_and_partitions_that_nobody_leads()
    {
        await using var cluster = await TestCluster.StartAsync();
        var name = await cluster.CreateTopicAsync("orders", 3, 1);
        await using var client = cluster.Client();
        var lost = cluster[1];
        await lost.KillAsync();
        await cluster.NoticeAsync(lost);

        var metadata = await client.GetMetadataAsync([name], allowAutoTopicCreation: false, Token);
        metadata.Brokers.Select(broker => broker.NodeId.Value).ShouldBe([2, 3], ignoreOrder: true);
        metadata.ControllerId.ShouldBe(new NodeId(2));
        metadata.ClusterId.ShouldBe("in-memory");
        var partition = metadata.Topics.Single().Partitions.Single(partition => partition.ReplicaNodes.Contains(lost.Node));
        partition.ErrorCode.ShouldBe(ErrorCode.LeaderNotAvailable);
        partition.LeaderId.ShouldBe(NodeId.None);
        partition.OfflineReplicas.ShouldBe([lost.Node]);
    }

    [Fact]
    public async Task The_logs_of_a_deleted_topic_go_also_on_a_broker_that_was_away()
    {
        await using var cluster = await TestCluster.StartAsync();
        var name = await cluster.CreateTopicAsync("orders", 3, 3);
        await using (var ledger = await Ledger.OpenAsync(cluster, name)) await ledger.WriteAsync(10);
        var id = cluster.Controllers.Find(name)!.Id;
        var away = cluster[3];
        await away.KillAsync();
        await cluster.NoticeAsync(away);

        await cluster[1].Broker!.Catalog.DeleteTopicAsync(id, Token);
        cluster[1].Broker!.Catalog.Current.Find(id).ShouldBeNull();
        cluster[1].Broker!.Partitions.Find(id, new PartitionIndex(0)).Error.ShouldBe(ErrorCode.UnknownTopicId);
        cluster[1].Store.Partitions.ShouldBeEmpty();
        await Eventually.IsTrueAsync(() => cluster[2].Store.Partitions.Count == 0, "the second broker deletes its logs");

        // The name is in use again when it comes back.
        await cluster.CreateTopicAsync("orders", 1, 2);
        await away.StartAsync(Token);
        away.Store.Partitions.ShouldNotContain(partition => partition.TopicId == id);
    }

    [Fact]
    public async Task A_topic_that_the_cluster_does_not_know_is_kept_and_warned_of()
    {
        await using var cluster = await TestCluster.StartAsync(1);
        var name = await cluster.CreateTopicAsync("orders", 1, 1);
        await using (var ledger = await Ledger.OpenAsync(cluster, name)) await ledger.WriteAsync(1);
        await cluster[1].KillAsync();
        cluster.Controllers.Forget(name);
        await cluster[1].StartAsync(Token);
        cluster[1].Store.Partitions.Count.ShouldBe(1);
        cluster[1].LogLines.Lines.ShouldContain(line => line.Contains("knows no such topic", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Settings_changed_at_two_brokers_at_once_are_both_kept()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        var name = await cluster.CreateTopicAsync("orders", 1, 2);
        var topic = new ConfigResource(ConfigResourceType.Topic, name.Value);
        var all = new ConfigResource(ConfigResourceType.Broker, "");
        string[] topicConfigs = ["retention.ms", "retention.bytes", "max.message.bytes", "segment.bytes"];
        string[] brokerConfigs = ["log.retention.ms", "log.retention.bytes", "message.max.bytes", "max.connections"];
        var changes = topicConfigs.Select((config, i) => AlterAsync(i, topic, config))
            .Concat(brokerConfigs.Select((config, i) => AlterAsync(i, all, config)));
        await Task.WhenAll(changes);

        cluster.Controllers.Find(name)!.ConfigOverrides.Keys.ShouldBe(topicConfigs, ignoreOrder: true);
        cluster.Controllers.Cluster.BrokerConfigs[""].Keys.ShouldBe(brokerConfigs, ignoreOrder: true);
        foreach (var broker in cluster.Up)
        {
            var catalog = broker.Broker!.Catalog;
            await Eventually.IsTrueAsync(
                () => catalog.Current.Find(name)!.Config.RetentionMs == 100_000 && catalog.Configs.Broker.MaxConnections == 100_000,
                $"broker {broker.Node} has the settings");
        }

        Task AlterAsync(int i, ConfigResource resource, string config) => cluster[(i % 2) + 1].Broker!.Catalog.AlterConfigsAsync(
            resource, overrides => overrides.SetItem(config, "100000"), validateOnly: false, Token);
    }

    [Theory]
    [InlineData(ConfigResourceType.Topic, "orders", "no.such.config", ErrorCode.InvalidConfig)]
    [InlineData(ConfigResourceType.Topic, "nothing", "retention.ms", ErrorCode.UnknownTopicOrPartition)]
    [InlineData(ConfigResourceType.Broker, "9", "log.retention.ms", ErrorCode.InvalidRequest)]
    [InlineData(ConfigResourceType.Broker, "", "num.partitions", ErrorCode.InvalidConfig)]
    [InlineData(ConfigResourceType.Group, "g", "x", ErrorCode.InvalidRequest)]
    public async Task Settings_that_cannot_be_are_refused(ConfigResourceType type, string name, string config, ErrorCode error)
    {
        await using var cluster = await TestCluster.StartAsync(1);
        await cluster.CreateTopicAsync("orders", 1, 1);
        var refusal = await Should.ThrowAsync<KafkaException>(() => cluster[1].Broker!.Catalog.AlterConfigsAsync(
            new ConfigResource(type, name), overrides => overrides.SetItem(config, "1"), validateOnly: true, Token));
        refusal.Code.ShouldBe(error);
    }

    [Fact]
    public async Task A_partition_moves_to_another_broker_with_its_records()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        var name = await cluster.CreateTopicAsync("orders", 1, 1);
        await using var ledger = await Ledger.OpenAsync(cluster, name);
        await ledger.WriteAsync(50);
        var from = cluster.LeaderOf(name);
        var to = cluster.Up.Single(broker => broker != from);

        await using var client = cluster.Client();
        var request = new AlterPartitionReassignmentsRequest
        {
            Topics = [new() { Name = name, Partitions = [new() { PartitionIndex = new(0), Replicas = [to.Node] }] }],
        };
        var answer = await client.SendToControllerAsync<AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse>(
            request, Token);
        answer.Responses.Single().Partitions.Single().ErrorCode.ShouldBe(ErrorCode.None);

        await Eventually.IsTrueAsync(() => cluster.LeaderOf(name) == to, "the partition has moved");
        await Eventually.IsTrueAsync(() => from.Store.Partitions.Count == 0, "the log is gone where it was");
        await ledger.WriteAsync(10);
        await ledger.ProveAsync();
    }
}
