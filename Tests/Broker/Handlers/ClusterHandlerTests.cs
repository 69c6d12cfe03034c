using Loire.Broker.Handlers;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Embedded.Catalog;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

public sealed class ClusterHandlerTests
{
    public static TheoryData<int> LogDirVersions => AdminFixture.Versions(0, 5);

    [Theory]
    [InlineData(0, 1, ErrorCode.None)]
    [InlineData(1, 1, ErrorCode.None)]
    [InlineData(2, 1, ErrorCode.None)]
    [InlineData(1, 2, ErrorCode.MismatchedEndpointType)]
    [InlineData(2, 3, ErrorCode.UnsupportedEndpointType)]
    public async Task The_cluster_is_described_to_those_who_ask_for_brokers(int version, sbyte endpointType, ErrorCode error)
    {
        await using var fixture = new AdminFixture();
        var request = new DescribeClusterRequest { EndpointType = endpointType, IncludeClusterAuthorizedOperations = true };
        var response = await fixture.SendAsync(new DescribeClusterHandler(fixture.Brokers), version, request);
        response.ErrorCode.ShouldBe(error);
        if (error != ErrorCode.None)
            return;
        response.ClusterId.ShouldBe("cluster-of-the-test-00");
        response.ControllerId.ShouldBe(TestCatalog.Node);
        response.Brokers.ShouldHaveSingleItem().Port.ShouldBe(21_600);
        response.ClusterAuthorizedOperations.ShouldBeGreaterThan(0);
    }

    [Theory]
    [MemberData(nameof(LogDirVersions))]
    public async Task The_log_directory_is_described_at_every_version(int version)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders", 2);
        var response = await fixture.SendAsync(LogDirs(fixture), version, new DescribeLogDirsRequest { Topics = null });
        var directory = response.Results.ShouldHaveSingleItem();
        (directory.LogDir, directory.ErrorCode).ShouldBe(("/fake", ErrorCode.None));
        directory.Topics.ShouldHaveSingleItem().Partitions.Select(partition => partition.PartitionIndex.Value).ShouldBe([0, 1]);
        directory.TotalBytes.ShouldBe(version >= 4 ? 1L << 40 : -1);
        directory.UsableBytes.ShouldBe(version >= 4 ? 1L << 39 : -1);
    }

    [Fact]
    public async Task Only_the_partitions_that_are_asked_for_and_exist_have_a_size()
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders", 2);
        var request = new DescribeLogDirsRequest
        {
            Topics =
            [
                new() { Topic = new TopicName("orders"), Partitions = [new(1), new(1), new(9)] },
                new() { Topic = new TopicName("gone"), Partitions = [new(0)] },
            ],
        };
        var directory = (await fixture.SendAsync(LogDirs(fixture), 4, request)).Results.ShouldHaveSingleItem();
        directory.Topics.ShouldHaveSingleItem().Partitions.ShouldHaveSingleItem().PartitionIndex.Value.ShouldBe(1);
    }

    [Fact]
    public async Task A_failed_store_is_told()
    {
        await using var fixture = new AdminFixture();
        fixture.Store.Fail();
        var response = await fixture.SendAsync(LogDirs(fixture), 4, new DescribeLogDirsRequest { Topics = null });
        response.Results.ShouldHaveSingleItem().ErrorCode.ShouldBe(ErrorCode.KafkaStorageError);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(100)]
    public async Task Pages_of_any_size_together_give_every_partition_once(int limit)
    {
        await using var fixture = new AdminFixture();
        foreach (var (name, partitions) in new[] { ("c", 2), ("a", 3), ("b", 1), ("d", 4) })
            await fixture.CreateAsync(name, partitions);
        var seen = new List<string>();
        DescribeTopicPartitionsRequest.CursorEntry? cursor = null;
        do
        {
            var response = await fixture.SendAsync(
                TopicPartitions(fixture), 0, new() { ResponsePartitionLimit = limit, Cursor = cursor });
            var page = response.Topics.SelectMany(
                topic => topic.Partitions.Select(partition => $"{topic.Name}{partition.PartitionIndex}")).ToList();
            page.Count.ShouldBeInRange(1, limit);
            seen.AddRange(page);
            cursor = response.NextCursor is not { } next
                ? null
                : new() { TopicName = next.TopicName, PartitionIndex = next.PartitionIndex };
        }
        while (cursor is not null);
        seen.ShouldBe(["a0", "a1", "a2", "b0", "c0", "c1", "d0", "d1", "d2", "d3"]);
    }

    [Fact]
    public async Task Named_topics_come_with_their_errors_in_the_order_of_their_names()
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("b");
        var request = new DescribeTopicPartitionsRequest { Topics = [Named("c"), Named("b"), Named("a b"), Named("b")] };
        var response = await fixture.SendAsync(TopicPartitions(fixture), 0, request);
        response.Topics.Select(topic => (topic.Name?.Value, topic.ErrorCode)).ShouldBe(
        [
            ("a b", ErrorCode.InvalidTopicException), ("b", ErrorCode.None), ("c", ErrorCode.UnknownTopicOrPartition),
        ]);
        response.NextCursor.ShouldBeNull();
    }

    [Theory]
    [InlineData("other", 0)]
    [InlineData("b", -1)]
    public async Task A_cursor_that_points_nowhere_is_refused(string topic, int partition)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("b");
        var request = new DescribeTopicPartitionsRequest
        {
            Topics = [Named("b")],
            Cursor = new() { TopicName = new TopicName(topic), PartitionIndex = new PartitionIndex(partition) },
        };
        (await fixture.SendAsync(TopicPartitions(fixture), 0, request)).Topics.ShouldHaveSingleItem().ErrorCode
            .ShouldBe(ErrorCode.InvalidRequest);
    }

    private static DescribeTopicPartitionsRequest.TopicRequest Named(string name) => new() { Name = new TopicName(name) };

    private static DescribeLogDirsHandler LogDirs(AdminFixture fixture) => new(fixture.Catalog, fixture.Partitions, fixture.Store);

    private static DescribeTopicPartitionsHandler TopicPartitions(AdminFixture fixture) => new(fixture.Catalog, fixture.Catalog);
}
