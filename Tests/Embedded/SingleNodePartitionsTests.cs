using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol;
using Loire.Tests.Broker.Handlers;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded;

public sealed class SingleNodePartitionsTests
{
    private readonly FakeLogStore _store = new();
    private readonly SingleNodePartitions _partitions;

    public SingleNodePartitionsTests() => _partitions =
        new SingleNodePartitions(_store, DataPath.Self, TimeProvider.System, NullLogger<SingleNodePartitions>.Instance);

    [Fact]
    public void Replicas_are_found_by_name_and_by_id()
    {
        _partitions.Apply(DataPath.Topic("orders", partitions: 2, leaderEpoch: 3));
        var byName = _partitions.Find(new TopicName("orders"), new PartitionIndex(1));
        byName.Error.ShouldBe(ErrorCode.None);
        byName.LeaderEpoch.ShouldBe(new LeaderEpoch(3));
        byName.Leader.ShouldBe(DataPath.Self);
        _partitions.Find(DataPath.IdOf("orders"), new PartitionIndex(1)).Replica.ShouldBeSameAs(byName.Replica);
    }

    [Fact]
    public void Growing_keeps_the_replicas_and_applies_settings_to_all()
    {
        _partitions.Apply(DataPath.Topic("orders", partitions: 1));
        var first = _partitions.Find(new TopicName("orders"), default).Replica!;
        _partitions.Apply(DataPath.Topic("orders", partitions: 3, TopicConfig.Default with { RetentionMs = 5 }));
        _partitions.Replicas.Count().ShouldBe(3);
        _partitions.Replicas.ShouldContain(first);
        _partitions.Replicas.ShouldAllBe(replica => replica.Config.RetentionMs == 5);
    }

    [Fact]
    public void Removing_deletes_the_logs()
    {
        var topic = DataPath.Topic("orders", partitions: 2);
        _partitions.Apply(topic);
        _partitions.Remove(topic);
        _store.Partitions.ShouldBeEmpty();
        _partitions.Find(topic.Name, default).Error.ShouldBe(ErrorCode.UnknownTopicOrPartition);
        _partitions.Find(topic.Id, default).Error.ShouldBe(ErrorCode.UnknownTopicId);
    }

    [Fact]
    public void A_topic_created_again_under_its_name_is_another_one()
    {
        var first = DataPath.Topic("orders");
        var second = first with { Id = new TopicId(Guid.NewGuid()) };
        _partitions.Apply(first);
        _partitions.Apply(second);
        _partitions.Remove(first);
        _partitions.Find(new TopicName("orders"), default).Replica!.Partition.TopicId.ShouldBe(second.Id);
        _store.Partitions.Single().TopicId.ShouldBe(second.Id);
    }

    [Fact]
    public void Stray_logs_are_removed()
    {
        _partitions.Apply(DataPath.Topic("gone"));
        _partitions.Apply(DataPath.Topic("orders", partitions: 3));
        var next = _store.Restart();
        var partitions = new SingleNodePartitions(next, DataPath.Self, TimeProvider.System, NullLogger<SingleNodePartitions>.Instance);
        partitions.Apply(DataPath.Topic("orders", partitions: 2));
        partitions.RemoveStrays();
        next.Partitions.Select(partition => partition.ToString()).Order().ShouldBe(["orders-0", "orders-1"]);
    }
}
