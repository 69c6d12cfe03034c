using System.Buffers;
using System.Text.Json;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Groups;
using Loire.Protocol.Messages;
using Loire.Tests.Protocol.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

/// <summary><c>loire groups describe</c> of groups in a state that a test cannot bring about at will.</summary>
public sealed class GroupDescribeTests
{
    private static readonly TopicName Topic = new("t");

    [Fact]
    public async Task A_partition_of_two_members_one_without_a_leader_and_a_member_without_partitions_are_all_shown()
    {
        await using var broker = Broker(ConsumerProtocol.Type, ("a", Assignment(0)), ("b", Assignment(0, 1)), ("c", Assignment()));
        var json = await DescribeAsync(broker, "--json");
        var group = JsonDocument.Parse(json.Output).RootElement;
        group.GetProperty("members").GetInt32().ShouldBe(3);
        group.GetProperty("partitions").EnumerateArray()
            .Select(row => (
                row.GetProperty("partition").GetInt32(),
                row.GetProperty("memberId").GetString(),
                row.GetProperty("committedOffset").GetInt64(),
                row.GetProperty("lag").ValueKind == JsonValueKind.Null ? -1 : row.GetProperty("lag").GetInt64()))
            .ShouldBe([(0, "a", 5, 4), (0, "b", 5, 4), (1, "b", 7, -1)]);
        group.GetProperty("membersWithoutPartitions").EnumerateArray().Single().GetProperty("memberId").GetString().ShouldBe("c");
        (await DescribeAsync(broker)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(1 + 4);
    }

    [Fact]
    public async Task The_members_of_a_group_that_shares_out_something_else_are_shown()
    {
        await using var broker = Broker("connect", ("worker", "no assignment of partitions"u8.ToArray()));
        (await DescribeAsync(broker)).Output.ShouldContain("worker");
    }

    private static async Task<CliRun> DescribeAsync(ScriptedBroker broker, params string[] args)
    {
        var run = await CliRun.RunAsync(["groups", "describe", "g", "-b", broker.Address, .. args]);
        run.ExitCode.ShouldBe(0, run.Error);
        return run;
    }

    /// <summary>Partition 1 has no leader; the group has committed 5 and 7.</summary>
    private static ScriptedBroker Broker(string protocol, params (string Id, ReadOnlyMemory<byte> Assignment)[] members)
    {
        var broker = new ScriptedBroker();
        broker.Answer<MetadataRequest>(_ => new MetadataResponse
        {
            ControllerId = new NodeId(1),
            Brokers = [new() { NodeId = new NodeId(1), Host = "127.0.0.1", Port = broker.Port }],
            Topics =
            [
                new()
                {
                    Name = Topic,
                    Partitions =
                    [
                        new() { PartitionIndex = new(0), LeaderId = new NodeId(1) },
                        new() { PartitionIndex = new(1), LeaderId = NodeId.None, ErrorCode = ErrorCode.LeaderNotAvailable },
                    ],
                },
            ],
        });
        broker.Answer<FindCoordinatorRequest>(_ => new FindCoordinatorResponse { Host = "127.0.0.1", Port = broker.Port });
        broker.Answer<DescribeGroupsRequest>(_ => new DescribeGroupsResponse
        {
            Groups =
            [
                new()
                {
                    GroupId = new GroupId("g"),
                    GroupState = "PreparingRebalance",
                    ProtocolType = protocol,
                    Members =
                    [
                        .. members.Select(member => new DescribeGroupsResponse.DescribedGroupMember
                        {
                            MemberId = member.Id,
                            MemberAssignment = new ReadOnlySequence<byte>(member.Assignment),
                        }),
                    ],
                },
            ],
        });
        broker.Answer<OffsetFetchRequest>(_ => new OffsetFetchResponse
        {
            Topics =
            [
                new()
                {
                    Name = Topic,
                    Partitions =
                    [
                        new() { PartitionIndex = new(0), CommittedOffset = new Offset(5) },
                        new() { PartitionIndex = new(1), CommittedOffset = new Offset(7) },
                    ],
                },
            ],
        });
        broker.Answer<ListOffsetsRequest>(request => new ListOffsetsResponse
        {
            Topics =
            [
                new()
                {
                    Name = Topic,
                    Partitions =
                    [
                        .. request.Topics.Single().Partitions.Select(partition => new ListOffsetsResponse.ListOffsetsPartitionResponse
                        {
                            PartitionIndex = partition.PartitionIndex,
                            Offset = new Offset(partition.Timestamp == OffsetQueries.Latest ? 9 : 0),
                        }),
                    ],
                },
            ],
        });
        return broker;
    }

    private static ReadOnlyMemory<byte> Assignment(params int[] partitions) =>
        ConsumerProtocol.WriteAssignment(partitions.Select(index => new TopicPartition(Topic, new PartitionIndex(index))));
}
