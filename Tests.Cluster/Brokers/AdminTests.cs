using Loire.Client;
using Loire.Grains.Interfaces;
using Loire.Tests.Cluster.Hosted;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>Administration of groups, records and replicas through the client of three brokers.</summary>
[Collection(nameof(HostedClusters))]
public sealed class AdminTests : IAsyncLifetime
{
    private const string Topic = "orders";

    private LoireTestCluster _cluster = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private LoireAdmin Admin => _cluster.Client.Admin;

    public async ValueTask InitializeAsync()
    {
        _cluster = await LoireTestCluster.StartAsync();
        await _cluster.CreateTopicAsync(Topic, Cancelled, partitions: 2);
        await using var producer = _cluster.Client.CreateProducer();
        for (var i = 0; i < 20; i++)
        {
            var bytes = BitConverter.GetBytes(i);
            await producer.ProduceAsync(Topic, bytes, bytes, cancellationToken: Cancelled);
        }
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Groups_of_all_brokers_are_listed_described_and_deleted()
    {
        string[] groups = [.. Enumerable.Range(0, 12).Select(number => $"group-{number:00}")];
        foreach (var group in groups) await Admin.AlterGroupOffsetsAsync(group, [new(new(Topic, 0), 1)], Cancelled);
        (await Admin.ListGroupsAsync(Cancelled)).ShouldBe(groups.Select(group => new GroupListing(group, "Empty")));
        (await Admin.DescribeGroupAsync(groups[0], Cancelled)).ShouldNotBeNull().State.ShouldBe("Empty");

        await Admin.DeleteGroupAsync(groups[0], Cancelled);
        (await Admin.ListGroupsAsync(Cancelled)).Select(group => group.GroupId).ShouldBe(groups.Skip(1));
        (await Admin.GetGroupOffsetsAsync(groups[0], Cancelled)).ShouldBeEmpty();
        (await RefusalAsync(Admin.DeleteGroupAsync(groups[0], Cancelled))).ShouldBe(ErrorCode.GroupIdNotFound);
    }

    [Fact]
    public async Task A_groups_offsets_are_set_while_it_has_no_members()
    {
        var ends = await Admin.ResetGroupOffsetsAsync("billing", Topic, StartPosition.End, Cancelled);
        ends.Sum().ShouldBe(20);
        await Admin.AlterGroupOffsetsAsync("billing", [new(new(Topic, 0), ends[0] - 1)], Cancelled);
        (await Admin.GetGroupOffsetsAsync("billing", Cancelled)).OrderBy(offset => offset.Partition).Select(offset => offset.Offset)
            .ShouldBe([ends[0] - 1, ends[1]]);
        (await RefusalAsync(Admin.AlterGroupOffsetsAsync("billing", [new(new(Topic, 2), 0)], Cancelled)))
            .ShouldBe(ErrorCode.UnknownTopicOrPartition);

        await using (var member = new OrleansMember(_cluster.Client, "billing", Topic, new GroupConsumerOptions()))
        {
            await Eventually.IsTrueAsync(() => member.Values.Count == 1);
            (await RefusalAsync(Admin.ResetGroupOffsetsAsync("billing", Topic, StartPosition.Beginning, Cancelled)))
                .ShouldBe(ErrorCode.NonEmptyGroup);
            (await RefusalAsync(Admin.DeleteGroupAsync("billing", Cancelled))).ShouldBe(ErrorCode.NonEmptyGroup);
            await member.StopAsync();
        }

        (await Admin.ResetGroupOffsetsAsync("billing", Topic, StartPosition.Beginning, Cancelled)).ShouldBe([0, 0]);
        await using var again = new OrleansMember(_cluster.Client, "billing", Topic, new GroupConsumerOptions());
        await Eventually.IsTrueAsync(() => again.Values.Count == 20);
    }

    [Fact]
    public async Task Records_before_an_offset_are_deleted()
    {
        var end = (await Admin.GetOffsetsAsync(Topic, 0, Cancelled)).HighWatermark;
        (await Admin.DeleteRecordsAsync(Topic, 0, 2, Cancelled)).ShouldBe(2);
        (await Admin.GetOffsetsAsync(Topic, 0, Cancelled)).LogStartOffset.ShouldBe(2);
        (await RefusalAsync(Admin.DeleteRecordsAsync(Topic, 0, end + 1, Cancelled))).ShouldBe(ErrorCode.OffsetOutOfRange);
        (await Admin.DeleteRecordsAsync(Topic, 0, -1, Cancelled)).ShouldBe(end);
        await Admin.CreateTopicAsync("state", 1, configs: [new("cleanup.policy", "compact")], cancellationToken: Cancelled);
        (await RefusalAsync(Admin.DeleteRecordsAsync("state", 0, 0, Cancelled))).ShouldBe(ErrorCode.PolicyViolation);
        await Admin.AlterGroupOffsetsAsync("billing", [new(new(Topic, 0), end)], Cancelled);
        (await RefusalAsync(Admin.DeleteRecordsAsync("__consumer_offsets", 0, 0, Cancelled))).ShouldBe(ErrorCode.InvalidTopicException);
    }

    [Fact]
    public async Task A_partition_moves_to_other_brokers_and_its_preferred_replica_is_elected()
    {
        var before = (await Admin.DescribeTopicAsync(Topic, Cancelled))!.Partitions[0];
        int[] target = [.. before.Replicas.Skip(1), before.Replicas[0]];
        await _cluster.UntilInSyncAsync(Topic, Cancelled);
        (await Admin.ReassignPartitionAsync(Topic, 0, target, Cancelled)).Partitions[0].Replicas.ShouldBe(target);
        await Eventually.AnswersAsync(
            () => Admin.ElectLeaderAsync(Topic, 0, cancellationToken: Cancelled), topic => topic.Partitions[0].Leader == target[0]);
        (await Admin.ElectLeaderAsync(Topic, 0, cancellationToken: Cancelled)).Partitions[0].Leader.ShouldBe(target[0]);

        (await RefusalAsync(Admin.ReassignPartitionAsync(Topic, 0, [1, 9], Cancelled))).ShouldBe(ErrorCode.InvalidReplicaAssignment);
        (await RefusalAsync(Admin.CancelReassignmentAsync(Topic, 0, Cancelled))).ShouldBe(ErrorCode.NoReassignmentInProgress);
        (await RefusalAsync(Admin.ElectLeaderAsync(Topic, 7, cancellationToken: Cancelled))).ShouldBe(ErrorCode.UnknownTopicOrPartition);
    }

    private static async Task<ErrorCode> RefusalAsync(Task call) => (ErrorCode)(await Should.ThrowAsync<LoireException>(() => call)).Error;
}
