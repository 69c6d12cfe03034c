using System.Collections.Immutable;
using Loire.Broker.Handlers;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Embedded.Catalog;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

/// <summary>AlterPartitionReassignments, ListPartitionReassignments, ElectLeaders.</summary>
public sealed class PartitionControlHandlerTests
{
    private static readonly TopicName Orders = new("orders");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Moves_are_passed_on_and_each_has_its_own_outcome(int version)
    {
        await using var fixture = await CreateAsync();
        var control = new ScriptedControl();
        control.Refusals[new PartitionIndex(1)] = ErrorCode.InvalidReplicaAssignment;
        var request = Reassign((0, [2, 3]), (1, [9]), (2, null));
        var response = await fixture.SendAsync(new AlterPartitionReassignmentsHandler(control, fixture.Catalog), version, request);

        response.Responses.Single().Partitions.Select(partition => partition.ErrorCode)
            .ShouldBe([ErrorCode.None, ErrorCode.InvalidReplicaAssignment, ErrorCode.None]);
        response.Responses.Single().Partitions[1].ErrorMessage.ShouldBe("refused");
        control.Calls.ShouldBe(["move orders-0 to 2,3", "move orders-1 to 9", "cancel orders-2"]);
    }

    [Fact]
    public async Task A_request_may_hold_the_number_of_replicas()
    {
        await using var fixture = await CreateAsync();
        var control = new ScriptedControl();
        var request = Reassign((0, [2, 3]), (1, [2]));
        request.AllowReplicationFactorChange = false;
        var response = await fixture.SendAsync(new AlterPartitionReassignmentsHandler(control, fixture.Catalog), 1, request);
        response.Responses.Single().Partitions.Select(partition => partition.ErrorCode)
            .ShouldBe([ErrorCode.InvalidReplicationFactor, ErrorCode.None]);
        control.Calls.ShouldBe(["move orders-1 to 2"]);
    }

    [Fact]
    public async Task Moves_under_way_are_listed_all_or_those_asked_for()
    {
        await using var fixture = await CreateAsync();
        var control = new ScriptedControl
        {
            Moves = [Move(2, [3, 1], adding: [3], removing: [1]), Move(0, [2, 1], adding: [2], removing: [1])],
        };
        var handler = new ListPartitionReassignmentsHandler(control);
        var all = (await fixture.SendAsync(handler, 0, new ListPartitionReassignmentsRequest())).Topics.Single();
        all.Partitions.Select(partition => partition.PartitionIndex.Value).ShouldBe([0, 2]);
        all.Partitions[1].Replicas.Select(node => node.Value).ShouldBe([3, 1]);
        all.Partitions[1].AddingReplicas.Select(node => node.Value).ShouldBe([3]);
        all.Partitions[1].RemovingReplicas.Select(node => node.Value).ShouldBe([1]);

        var asked = new ListPartitionReassignmentsRequest
        {
            Topics = [new() { Name = Orders, PartitionIndexes = [new(0), new(1)] }],
        };
        (await fixture.SendAsync(handler, 0, asked)).Topics.Single().Partitions.Single().PartitionIndex.Value.ShouldBe(0);
    }

    [Theory]
    [InlineData(1, 0, "elect orders-1")]
    [InlineData(2, 1, "elect unclean orders-1")]
    public async Task Leaders_are_elected_where_that_is_asked_for(int version, sbyte type, string expected)
    {
        await using var fixture = await CreateAsync();
        var control = new ScriptedControl();
        control.Refusals[new PartitionIndex(1)] = ErrorCode.ElectionNotNeeded;
        var request = new ElectLeadersRequest
        {
            ElectionType = type,
            TopicPartitions = [new() { Topic = Orders, Partitions = [new(1)] }],
        };
        var result = (await fixture.SendAsync(new ElectLeadersHandler(control, fixture.Catalog), version, request))
            .ReplicaElectionResults.Single().PartitionResult.Single();
        (result.ErrorCode, result.ErrorMessage).ShouldBe((ErrorCode.ElectionNotNeeded, "refused"));
        control.Calls.ShouldBe([expected]);
    }

    [Fact]
    public async Task Asked_for_all_it_leaves_out_those_that_need_no_election()
    {
        await using var fixture = await CreateAsync();
        var control = new ScriptedControl();
        control.Refusals[new PartitionIndex(0)] = ErrorCode.ElectionNotNeeded;
        control.Refusals[new PartitionIndex(1)] = ErrorCode.PreferredLeaderNotAvailable;
        var request = new ElectLeadersRequest { TopicPartitions = null };
        var response = await fixture.SendAsync(new ElectLeadersHandler(control, fixture.Catalog), 2, request);
        response.ReplicaElectionResults.Single().PartitionResult.Select(result => (result.PartitionId.Value, result.ErrorCode))
            .ShouldBe([(1, ErrorCode.PreferredLeaderNotAvailable), (2, ErrorCode.None)]);

        request.ElectionType = 7;
        (await fixture.SendAsync(new ElectLeadersHandler(control, fixture.Catalog), 2, request))
            .ErrorCode.ShouldBe(ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task A_broker_that_is_alone_keeps_everything()
    {
        await using var fixture = await CreateAsync();
        var control = new SingleNodePartitionControl(fixture.Catalog, TestCatalog.Node);
        var handler = new AlterPartitionReassignmentsHandler(control, fixture.Catalog);
        var response = await fixture.SendAsync(
            handler, 1, Reassign((0, [TestCatalog.Node.Value]), (1, [99]), (2, null), (3, [1])));
        response.Responses.Single().Partitions.Select(partition => partition.ErrorCode).ShouldBe(
        [
            ErrorCode.None,
            ErrorCode.InvalidReplicaAssignment,
            ErrorCode.NoReassignmentInProgress,
            ErrorCode.UnknownTopicOrPartition,
        ]);
    }

    private static async Task<AdminFixture> CreateAsync()
    {
        var fixture = new AdminFixture();
        await fixture.CreateAsync("orders", partitions: 3);
        return fixture;
    }

    private static AlterPartitionReassignmentsRequest Reassign(params (int Partition, int[]? Replicas)[] partitions) => new()
    {
        Topics =
        [
            new()
            {
                Name = Orders,
                Partitions =
                [
                    .. partitions.Select(partition => new AlterPartitionReassignmentsRequest.ReassignablePartition
                    {
                        PartitionIndex = new PartitionIndex(partition.Partition),
                        Replicas = partition.Replicas?.Select(id => new NodeId(id)).ToList(),
                    }),
                ],
            },
        ],
    };

    private static PartitionMove Move(int partition, int[] replicas, int[] adding, int[] removing) => new(
        Orders,
        new PartitionIndex(partition),
        [.. replicas.Select(id => new NodeId(id))],
        [.. adding.Select(id => new NodeId(id))],
        [.. removing.Select(id => new NodeId(id))]);

    private sealed class ScriptedControl : IPartitionControl
    {
        public ImmutableArray<PartitionMove> Moves { get; init; } = [];
        public Dictionary<PartitionIndex, ErrorCode> Refusals { get; } = [];
        public List<string> Calls { get; } = [];

        public Task ReassignAsync(
            TopicName topic, PartitionIndex partition, ImmutableArray<NodeId>? target, CancellationToken cancellationToken) =>
            CallAsync(partition, target is { } to ? $"move {topic}-{partition} to {string.Join(',', to)}" : $"cancel {topic}-{partition}");

        public Task ElectAsync(TopicName topic, PartitionIndex partition, bool isUnclean, CancellationToken cancellationToken) =>
            CallAsync(partition, $"elect {(isUnclean ? "unclean " : "")}{topic}-{partition}");

        private Task CallAsync(PartitionIndex partition, string call)
        {
            Calls.Add(call);
            return Refusals.TryGetValue(partition, out var error)
                ? Task.FromException(new KafkaException(error, "refused"))
                : Task.CompletedTask;
        }
    }
}
