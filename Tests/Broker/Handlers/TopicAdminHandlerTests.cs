using Loire.Broker.Handlers;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

public sealed class TopicAdminHandlerTests
{
    public static TheoryData<int> CreateVersions => AdminFixture.Versions(0, 7);
    public static TheoryData<int> DeleteVersions => AdminFixture.Versions(0, 6);
    public static TheoryData<int> GrowVersions => AdminFixture.Versions(0, 3);

    [Theory]
    [MemberData(nameof(CreateVersions))]
    public async Task A_topic_is_created_at_every_version(int version)
    {
        await using var fixture = new AdminFixture();
        var request = Create(Topic("orders", 3));
        request.Topics[0].Configs = [new() { Name = "retention.ms", Value = "5000" }];
        var result = (await fixture.SendAsync(Creator(fixture), version, request)).Topics.ShouldHaveSingleItem();
        result.ErrorCode.ShouldBe(ErrorCode.None);
        var topic = fixture.Catalog.Current.Find(new TopicName("orders")).ShouldNotBeNull();
        topic.Partitions.Length.ShouldBe(3);
        topic.Config.RetentionMs.ShouldBe(5000);
        if (version >= 5)
        {
            (result.NumPartitions, result.ReplicationFactor).ShouldBe((3, (short)1));
            var retention = result.Configs!.Single(config => config.Name == "retention.ms");
            (retention.Value, retention.ConfigSource).ShouldBe(("5000", (sbyte)1));
            result.Configs!.Single(config => config.Name == "cleanup.policy").ConfigSource.ShouldBe((sbyte)5);
        }

        if (version >= 7)
            result.TopicId.ShouldBe(topic.Id);
    }

    [Fact]
    public async Task Each_topic_of_a_request_has_its_own_outcome()
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("exists");
        var request = Create(
            Topic("good"), Topic("exists"), Topic("bad name"), Topic("zero", 0), Topic("many", 1, 3), Topic("twice"),
            Topic("twice"), Topic("__cluster_metadata"), Topic("config"), Topic("null-config"));
        request.Topics[8].Configs = [new() { Name = "retention.sm", Value = "1" }];
        request.Topics[9].Configs = [new() { Name = "retention.ms", Value = null }];
        var response = await fixture.SendAsync(Creator(fixture), 7, request);
        response.Topics.Select(topic => (topic.Name.Value, topic.ErrorCode)).ShouldBe(
        [
            ("good", ErrorCode.None),
            ("exists", ErrorCode.TopicAlreadyExists),
            ("bad name", ErrorCode.InvalidTopicException),
            ("zero", ErrorCode.InvalidPartitions),
            ("many", ErrorCode.InvalidReplicationFactor),
            ("twice", ErrorCode.InvalidRequest),
            ("__cluster_metadata", ErrorCode.InvalidRequest),
            ("config", ErrorCode.InvalidConfig),
            ("null-config", ErrorCode.InvalidConfig),
        ]);
        response.Topics.Single(topic => topic.Name.Value == "config").ErrorMessage!.ShouldContain("Did you mean retention.ms?");
        fixture.Catalog.Current.TopicCount.ShouldBe(2);
    }

    [Fact]
    public async Task Validating_a_creation_creates_nothing()
    {
        await using var fixture = new AdminFixture();
        var request = Create(Topic("orders", 2));
        request.ValidateOnly = true;
        var result = (await fixture.SendAsync(Creator(fixture), 7, request)).Topics.ShouldHaveSingleItem();
        (result.ErrorCode, result.NumPartitions, result.TopicId).ShouldBe((ErrorCode.None, 2, TopicId.None));
        fixture.Catalog.Current.TopicCount.ShouldBe(0);
    }

    [Theory]
    [InlineData(new[] { 0, 1 }, 7, ErrorCode.None)]
    [InlineData(new[] { 1, 0 }, 7, ErrorCode.None)]
    [InlineData(new[] { 0, 2 }, 7, ErrorCode.InvalidReplicaAssignment)]
    [InlineData(new[] { 0, 0 }, 7, ErrorCode.InvalidReplicaAssignment)]
    [InlineData(new[] { -1 }, 7, ErrorCode.InvalidReplicaAssignment)]
    [InlineData(new[] { 0 }, 8, ErrorCode.InvalidReplicaAssignment)]
    public async Task Replicas_may_be_assigned_by_hand(int[] partitions, int broker, ErrorCode error)
    {
        await using var fixture = new AdminFixture();
        var topic = Topic("orders", -1, -1);
        topic.Assignments = [.. partitions.Select(index => new CreateTopicsRequest.CreatableReplicaAssignment
        {
            PartitionIndex = new PartitionIndex(index),
            BrokerIds = [new NodeId(broker)],
        })];
        (await fixture.SendAsync(Creator(fixture), 3, Create(topic))).Topics.ShouldHaveSingleItem().ErrorCode.ShouldBe(error);
    }

    [Fact]
    public async Task A_request_for_too_many_partitions_creates_none()
    {
        await using var fixture = new AdminFixture();
        var request = Create(Topic("a", 6_000), Topic("b", 6_000));
        (await fixture.SendAsync(Creator(fixture), 7, request)).Topics.ShouldAllBe(topic => topic.ErrorCode == ErrorCode.PolicyViolation);
        fixture.Catalog.Current.TopicCount.ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(DeleteVersions))]
    public async Task A_topic_is_deleted_by_name_at_every_version(int version)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders");
        var request = new DeleteTopicsRequest { TimeoutMs = 1000 };
        if (version >= 6)
            request.Topics = [new() { Name = new TopicName("orders") }, new() { Name = new TopicName("gone") }];
        else
            request.TopicNames = [new TopicName("orders"), new TopicName("gone")];
        var response = await fixture.SendAsync(Deleter(fixture), version, request);
        response.Responses.Select(topic => (topic.Name!.Value.Value, topic.ErrorCode)).ShouldBe(
            [("orders", ErrorCode.None), ("gone", ErrorCode.UnknownTopicOrPartition)]);
        fixture.Catalog.Current.TopicCount.ShouldBe(0);
    }

    [Fact]
    public async Task Topics_are_deleted_by_id_and_named_once()
    {
        await using var fixture = new AdminFixture();
        var byId = await fixture.CreateAsync("by-id");
        var twice = await fixture.CreateAsync("twice");
        var request = new DeleteTopicsRequest
        {
            Topics =
            [
                new() { TopicId = byId.Id },
                new() { TopicId = twice.Id },
                new() { Name = twice.Name },
                new() { TopicId = new TopicId(Guid.NewGuid()) },
                new() { Name = byId.Name, TopicId = byId.Id },
                new(),
            ],
        };
        var response = await fixture.SendAsync(Deleter(fixture), 6, request);
        response.Responses.Select(topic => topic.ErrorCode).ShouldBe(
        [
            ErrorCode.None, ErrorCode.InvalidRequest, ErrorCode.InvalidRequest, ErrorCode.UnknownTopicId,
            ErrorCode.InvalidRequest, ErrorCode.InvalidRequest,
        ]);
        fixture.Catalog.Current.Topics.ShouldHaveSingleItem().Name.ShouldBe(twice.Name);
    }

    [Theory]
    [InlineData(2, ErrorCode.InvalidRequest)]
    [InlineData(3, ErrorCode.TopicDeletionDisabled)]
    public async Task Deletion_can_be_switched_off(int version, ErrorCode error)
    {
        await using var fixture = new AdminFixture(("delete.topic.enable", "false"));
        await fixture.CreateAsync("orders");
        var request = new DeleteTopicsRequest { TopicNames = [new TopicName("orders")] };
        (await fixture.SendAsync(Deleter(fixture), version, request)).Responses.ShouldHaveSingleItem().ErrorCode.ShouldBe(error);
        fixture.Catalog.Current.TopicCount.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(GrowVersions))]
    public async Task Partitions_are_added_at_every_version(int version)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders", 2);
        var request = new CreatePartitionsRequest
        {
            TimeoutMs = 1000,
            Topics =
            [
                new() { Name = new TopicName("orders"), Count = 4, Assignments = null },
                new() { Name = new TopicName("gone"), Count = 4, Assignments = null },
            ],
        };
        var response = await fixture.SendAsync(new CreatePartitionsHandler(fixture.Catalog), version, request);
        response.Results.Select(topic => topic.ErrorCode).ShouldBe([ErrorCode.None, ErrorCode.UnknownTopicOrPartition]);
        fixture.Catalog.Current.Find(new TopicName("orders"))!.Partitions.Length.ShouldBe(4);
        fixture.Partitions.Find(new TopicName("orders"), new PartitionIndex(3)).Error.ShouldBe(ErrorCode.None);
    }

    [Theory]
    [InlineData(2, null, ErrorCode.InvalidPartitions)]
    [InlineData(1, null, ErrorCode.InvalidPartitions)]
    [InlineData(int.MinValue, null, ErrorCode.InvalidPartitions)]
    [InlineData(int.MaxValue, null, ErrorCode.PolicyViolation)]
    [InlineData(4, new[] { 7 }, ErrorCode.InvalidReplicaAssignment)]
    [InlineData(4, new[] { 7, 8 }, ErrorCode.InvalidReplicaAssignment)]
    [InlineData(4, new[] { 7, 7 }, ErrorCode.None)]
    public async Task Partitions_grow_by_what_is_asked_or_not_at_all(int count, int[]? brokers, ErrorCode error)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders", 2);
        var request = new CreatePartitionsRequest
        {
            Topics =
            [
                new()
                {
                    Name = new TopicName("orders"),
                    Count = count,
                    Assignments = brokers?.Select(broker => new CreatePartitionsRequest.CreatePartitionsAssignment
                    {
                        BrokerIds = [new NodeId(broker)],
                    }).ToList(),
                },
            ],
        };
        var response = await fixture.SendAsync(new CreatePartitionsHandler(fixture.Catalog), 3, request);
        response.Results.ShouldHaveSingleItem().ErrorCode.ShouldBe(error);
        fixture.Catalog.Current.Find(new TopicName("orders"))!.Partitions.Length.ShouldBe(error == ErrorCode.None ? count : 2);
    }

    private static CreateTopicsHandler Creator(AdminFixture fixture) => new(fixture.Catalog);

    private static DeleteTopicsHandler Deleter(AdminFixture fixture) => new(fixture.Catalog, fixture.Catalog);

    private static CreateTopicsRequest Create(params CreateTopicsRequest.CreatableTopic[] topics) => new() { Topics = [.. topics] };

    private static CreateTopicsRequest.CreatableTopic Topic(string name, int partitions = 1, short replicas = 1) =>
        new() { Name = new TopicName(name), NumPartitions = partitions, ReplicationFactor = replicas };
}
