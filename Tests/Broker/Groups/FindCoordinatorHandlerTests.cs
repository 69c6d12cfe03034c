using Loire.Broker.Handlers;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Groups;

public sealed class FindCoordinatorHandlerTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(6)]
    public async Task The_first_FindCoordinator_creates_the_offsets_topic(short version)
    {
        await using var broker = await GroupBroker.StartAsync();
        broker.Catalog.Current.Find(TopicNames.ConsumerOffsets).ShouldBeNull();

        var response = await broker.FindCoordinatorAsync("test-group", version);

        var (node, host, port, error) = version < 4
            ? (response.NodeId, response.Host, response.Port, response.ErrorCode)
            : response.Coordinators.Select(c => (c.NodeId, c.Host, c.Port, c.ErrorCode)).Single();
        (node, host, port, error).ShouldBe((new NodeId(1), "broker.example", 9_092, ErrorCode.None));
        var topic = broker.Catalog.Current.Find(TopicNames.ConsumerOffsets)!;
        topic.Partitions.Length.ShouldBe(5);
        topic.Config.Compact.ShouldBeTrue();
        topic.IsInternal.ShouldBeTrue();
    }

    [Fact]
    public async Task Coordinators_of_other_types_are_not_to_be_had()
    {
        await using var broker = await GroupBroker.StartAsync();
        var handler = new FindCoordinatorHandler(broker.Coordinators);
        async Task<ErrorCode> FindAsync(sbyte type) => (await handler.HandleAsync(
            broker.Context(6), new FindCoordinatorRequest { KeyType = type, CoordinatorKeys = ["x"] })).Coordinators[0].ErrorCode;

        (await FindAsync(1)).ShouldBe(ErrorCode.UnsupportedVersion);
        (await FindAsync(2)).ShouldBe(ErrorCode.InvalidRequest);
        (await FindAsync(9)).ShouldBe(ErrorCode.InvalidRequest);
    }

    /// <summary>The error that ends a librdkafka producer's search, of those that FindCoordinator may be answered with.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Before_version_4_a_transactional_id_is_refused_for_good(short version)
    {
        await using var broker = await GroupBroker.StartAsync();
        var response = await new FindCoordinatorHandler(broker.Coordinators).HandleAsync(
            broker.Context(version), new FindCoordinatorRequest { KeyType = 1, Key = "anything" });
        response.ErrorCode.ShouldBe(ErrorCode.TransactionalIdAuthorizationFailed);
        response.ErrorMessage!.ShouldContain("no transactions");
    }
}
