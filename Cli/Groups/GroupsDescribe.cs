using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Groups;
using Loire.Protocol.Messages;

namespace Loire.Cli.Groups;

/// <summary><c>loire groups describe GROUP</c></summary>
internal static class GroupsDescribe
{
    private static readonly Argument<string> Group = new("group") { Description = "The group's id" };

    public static Command Create() =>
        new Command("describe", "Show a group's members, offsets and lag") { Group }.Runs(async context =>
        {
            var id = new GroupId(context.Get(Group));
            var group = await DescribeAsync(context, id);
            var committed = await context.Client.FetchCommittedAsync(id, context.Cancelled);
            if (group.GroupState == "Dead" && committed.Count == 0)
                throw new CliException(ExitCode.Refused, $"There is no group {id}; 'loire groups list' shows those there are.");
            var members = group.Members.SelectMany(AssignmentOf).ToDictionary(pair => pair.Partition, pair => pair.Member);
            var partitions = committed.Keys.Union(members.Keys)
                .OrderBy(partition => partition.Topic.Value, StringComparer.Ordinal)
                .ThenBy(partition => partition.Partition)
                .ToList();
            var ends = await context.Client.ListOffsetsAsync(partitions, OffsetQueries.Latest, context.Cancelled);
            var rows = partitions.ConvertAll(partition =>
            {
                long? offset = committed.TryGetValue(partition, out var known) ? known.Value : null;
                var member = members.GetValueOrDefault(partition);
                return new Row(
                    partition.Topic.Value, partition.Partition.Value, offset, ends[partition].Value, ends[partition].Value - offset,
                    member?.MemberId, member?.ClientId, member?.ClientHost);
            });
            if (context.Output.IsJson)
            {
                context.Output.Json(new { group = id.Value, state = group.GroupState, members = group.Members.Count, partitions = rows });
                return;
            }
            context.Output.Note($"Group {id} is {group.GroupState} with {group.Members.Count} members.");
            context.Output.Rows(
                rows,
                ("Topic", row => row.Topic),
                ("Partition", row => row.Partition),
                ("Committed", row => row.CommittedOffset),
                ("End", row => row.EndOffset),
                ("Lag", row => row.Lag),
                ("Member", row => row.MemberId),
                ("Client", row => row.ClientId),
                ("Host", row => row.Host));
        });

    private static Task<DescribeGroupsResponse.DescribedGroup> DescribeAsync(CommandContext context, GroupId id) =>
        context.Client.RetryAsync(
            async cancelled =>
            {
                var coordinator = await context.Client.GetCoordinatorConnectionAsync(id, cancelled);
                var response = await coordinator.SendAsync<DescribeGroupsRequest, DescribeGroupsResponse>(
                    new DescribeGroupsRequest { Groups = [id] }, cancelled);
                var group = response.Groups.Single();
                KafkaClientException.ThrowIfError(group.ErrorCode, group.ErrorMessage, $"Group {id}");
                return group;
            },
            context.Cancelled);

    private static IEnumerable<(TopicPartition Partition, DescribeGroupsResponse.DescribedGroupMember Member)> AssignmentOf(
        DescribeGroupsResponse.DescribedGroupMember member) =>
        ConsumerProtocol.ReadAssignment(member.MemberAssignment).Select(partition => (partition, member));

    private sealed record Row(
        string Topic, int Partition, long? CommittedOffset, long EndOffset, long? Lag, string? MemberId, string? ClientId, string? Host);
}
