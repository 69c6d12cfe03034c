using Loire.Broker.Handlers;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Embedded.Catalog;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

public sealed class MetadataHandlerTests
{
    public static TheoryData<int> AllVersions => AdminFixture.Versions(0, 13);

    [Theory]
    [MemberData(nameof(AllVersions))]
    public async Task All_topics_are_described_at_every_version(int version)
    {
        await using var fixture = new AdminFixture();
        var orders = await fixture.CreateAsync("orders", 3);
        await fixture.CreateAsync("__consumer_offsets");
        var response = await fixture.SendAsync(
            Handler(fixture), version, new MetadataRequest { Topics = version == 0 ? [] : null });

        var broker = response.Brokers.ShouldHaveSingleItem();
        (broker.NodeId, broker.Host, broker.Port).ShouldBe((TestCatalog.Node, "broker.example", 21_600));
        broker.Rack.ShouldBe(version >= 1 ? "rack-1" : null);
        response.ControllerId.ShouldBe(version >= 1 ? TestCatalog.Node : NodeId.None);
        response.ClusterId.ShouldBe(version >= 2 ? "cluster-of-the-test-00" : null);
        response.Topics.Select(topic => topic.Name!.Value.Value).ShouldBe(["__consumer_offsets", "orders"]);
        response.Topics[0].IsInternal.ShouldBe(version >= 1);
        response.Topics[1].TopicId.ShouldBe(version >= 10 ? orders.Id : TopicId.None);
        response.Topics[1].Partitions.Count.ShouldBe(3);
        var partition = response.Topics[1].Partitions[2];
        partition.PartitionIndex.Value.ShouldBe(2);
        partition.LeaderId.ShouldBe(TestCatalog.Node);
        partition.LeaderEpoch.ShouldBe(version >= 7 ? LeaderEpoch.Zero : LeaderEpoch.None);
        partition.ReplicaNodes.ShouldBe([TestCatalog.Node]);
        partition.IsrNodes.ShouldBe([TestCatalog.Node]);
    }

    [Fact]
    public async Task No_topics_asked_for_are_no_topics_from_version_1_on()
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders");
        (await fixture.SendAsync(Handler(fixture), 1, new MetadataRequest { Topics = [] })).Topics.ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(AllVersions))]
    public async Task An_unknown_topic_is_created_and_answered_at_once(int version)
    {
        await using var fixture = new AdminFixture(("num.partitions", "4"));
        var response = await fixture.SendAsync(Handler(fixture), version, Named("new-topic"));
        var topic = response.Topics.ShouldHaveSingleItem();
        topic.ErrorCode.ShouldBe(ErrorCode.None);
        topic.Partitions.Count.ShouldBe(4);
        topic.Partitions.ShouldAllBe(partition => partition.LeaderId == TestCatalog.Node);
        fixture.Partitions.Find(new TopicName("new-topic"), new PartitionIndex(3)).Error.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task Many_clients_that_ask_for_the_same_unknown_topic_all_get_it()
    {
        await using var fixture = new AdminFixture();
        var handler = Handler(fixture);
        var responses = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ =>
            Task.Run(() => fixture.SendAsync(handler, 12, Named("new-topic")))));
        responses.Select(response => response.Topics.ShouldHaveSingleItem().TopicId).Distinct().ShouldHaveSingleItem();
        fixture.Catalog.Current.TopicCount.ShouldBe(1);
    }

    [Theory]
    [InlineData("new-topic", false, true, ErrorCode.UnknownTopicOrPartition)]
    [InlineData("new-topic", true, false, ErrorCode.UnknownTopicOrPartition)]
    [InlineData("bad name", true, true, ErrorCode.InvalidTopicException)]
    [InlineData("bad name", false, true, ErrorCode.InvalidTopicException)]
    [InlineData("", true, true, ErrorCode.InvalidTopicException)]
    [InlineData("__consumer_offsets", true, true, ErrorCode.UnknownTopicOrPartition)]
    [InlineData("or.ders", true, true, ErrorCode.InvalidTopicException)]
    public async Task What_may_not_be_created_is_not(string name, bool clientAllows, bool brokerAllows, ErrorCode error)
    {
        await using var fixture = new AdminFixture(("auto.create.topics.enable", brokerAllows ? "true" : "false"));
        await fixture.CreateAsync("or_ders");
        var request = Named(name);
        request.AllowAutoTopicCreation = clientAllows;
        (await fixture.SendAsync(Handler(fixture), 9, request)).Topics.ShouldHaveSingleItem().ErrorCode.ShouldBe(error);
        fixture.Catalog.Current.TopicCount.ShouldBe(1);
    }

    [Fact]
    public async Task Topics_are_found_by_id_from_version_12_on()
    {
        await using var fixture = new AdminFixture();
        var orders = await fixture.CreateAsync("orders");
        var unknown = new TopicId(Guid.NewGuid());
        var request = new MetadataRequest
        {
            Topics =
            [
                new() { Name = null, TopicId = orders.Id },
                new() { Name = null, TopicId = unknown },
                new() { Name = null, TopicId = TopicId.None },
            ],
        };
        var response = await fixture.SendAsync(Handler(fixture), 12, request);
        response.Topics.Select(topic => (topic.Name?.Value, topic.ErrorCode)).ShouldBe(
        [
            ("orders", ErrorCode.None),
            (null, ErrorCode.UnknownTopicId),
            (null, ErrorCode.InvalidRequest),
        ]);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    public async Task Topics_by_id_are_refused_before_version_12(int version)
    {
        await using var fixture = new AdminFixture();
        var orders = await fixture.CreateAsync("orders");
        var request = new MetadataRequest { Topics = [new() { Name = null, TopicId = orders.Id }] };
        (await fixture.SendAsync(Handler(fixture), version, request)).Topics.ShouldHaveSingleItem().ErrorCode
            .ShouldBe(ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task A_topic_named_twice_is_answered_once()
    {
        await using var fixture = new AdminFixture();
        (await fixture.SendAsync(Handler(fixture), 12, Named("a", "b", "a"))).Topics.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_topic_by_its_id_and_ever_different_names_is_answered_once()
    {
        await using var fixture = new AdminFixture();
        var orders = await fixture.CreateAsync("orders");
        var request = Named("orders");
        request.Topics!.AddRange(Enumerable.Range(0, 100).Select(
            index => new MetadataRequest.MetadataRequestTopic { Name = new TopicName($"alias-{index}"), TopicId = orders.Id }));
        (await fixture.SendAsync(Handler(fixture), 12, request)).Topics.ShouldHaveSingleItem().Name.ShouldBe(new TopicName("orders"));
    }

    [Fact]
    public async Task One_request_creates_no_more_partitions_than_CreateTopics_does()
    {
        await using var fixture = new AdminFixture(("num.partitions", "4000"));
        var first = await fixture.SendAsync(Handler(fixture), 12, Named("a", "b", "c"));
        first.Topics.Select(topic => (topic.Name!.Value.Value, topic.ErrorCode)).ShouldBe(
            [("a", ErrorCode.None), ("b", ErrorCode.None), ("c", ErrorCode.UnknownTopicOrPartition)], ignoreOrder: true);
        var second = await fixture.SendAsync(Handler(fixture), 12, Named("c"));
        second.Topics.ShouldHaveSingleItem().ErrorCode.ShouldBe(ErrorCode.None);
    }

    [Fact]
    public async Task Allowed_operations_are_told_when_asked_for()
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders");
        var asked = await fixture.SendAsync(Handler(fixture), 8, new MetadataRequest
        {
            Topics = null,
            IncludeClusterAuthorizedOperations = true,
            IncludeTopicAuthorizedOperations = true,
        });
        asked.ClusterAuthorizedOperations.ShouldBe(0b1_1111_1010_0000 & ~(1 << 6));
        asked.Topics[0].TopicAuthorizedOperations.ShouldBe(0b1101_1111_1000);
        var notAsked = await fixture.SendAsync(Handler(fixture), 8, new MetadataRequest { Topics = null });
        notAsked.ClusterAuthorizedOperations.ShouldBe(int.MinValue);
        notAsked.Topics[0].TopicAuthorizedOperations.ShouldBe(int.MinValue);
    }

    private static MetadataHandler Handler(AdminFixture fixture) => new(fixture.Catalog, fixture.Catalog, fixture.Brokers);

    private static MetadataRequest Named(params string[] names) =>
        new() { Topics = [.. names.Select(name => new MetadataRequest.MetadataRequestTopic { Name = new TopicName(name) })] };
}
