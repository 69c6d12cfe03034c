using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Groups;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;
using Member = Loire.Protocol.Messages.DescribeGroupsResponse.DescribedGroupMember;

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
            var assigned = group.Members.ConvertAll(member => (Member: member, Partitions: AssignmentOf(context, group, member)));
            // While a group's members change, two of them may hold the same partition.
            var owners = assigned
                .SelectMany(entry => entry.Partitions, (entry, partition) => (partition, entry.Member))
                .ToLookup(pair => pair.partition, pair => pair.Member);
            var partitions = committed.Keys.Union(owners.Select(owner => owner.Key))
                .OrderBy(partition => partition.Topic.Value, StringComparer.Ordinal)
                .ThenBy(partition => partition.Partition)
                .ToList();
            var metadata = await context.Client.GetMetadataAsync(
                partitions.Select(partition => partition.Topic).Distinct(), allowAutoTopicCreation: false, context.Cancelled);
            var offsets = await LogOffsets.ReadAsync(context, metadata, partitions);
            var rows = partitions
                .SelectMany(
                    partition => owners[partition].DefaultIfEmpty(),
                    (partition, owner) => Row.Of(partition, Find(committed, partition), offsets.EndOf(partition), owner))
                .ToList();
            var idle = assigned.Where(entry => entry.Partitions.Count == 0).Select(entry => entry.Member).ToList();
            Print(context.Output, group, rows, idle);
        });

    private static void Print(Output output, DescribeGroupsResponse.DescribedGroup group, List<Row> rows, List<Member> idle)
    {
        if (output.IsJson)
        {
            output.Json(new
            {
                group = group.GroupId.Value,
                state = group.GroupState,
                protocol = group.ProtocolType,
                members = group.Members.Count,
                partitions = rows,
                membersWithoutPartitions = idle.Select(member => new
                {
                    memberId = member.MemberId,
                    clientId = member.ClientId,
                    host = member.ClientHost,
                }),
            });
            return;
        }
        output.Note($"Group {group.GroupId} is {group.GroupState} with {group.Members.Count} members.");
        output.Rows(
            [.. rows, .. idle.Select(member => Row.Of(partition: null, committed: null, end: null, member))],
            ("Topic", row => row.Topic),
            ("Partition", row => row.Partition),
            ("Committed", row => row.CommittedOffset),
            ("End", row => row.EndOffset),
            ("Lag", row => row.Lag),
            ("Member", row => row.MemberId),
            ("Client", row => row.ClientId),
            ("Host", row => row.Host));
    }

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

    /// <summary>Only consumers' assignments are partitions: Kafka Connect's workers, for one, share out something else.</summary>
    private static IReadOnlyList<TopicPartition> AssignmentOf(
        CommandContext context, DescribeGroupsResponse.DescribedGroup group, Member member)
    {
        if (group.ProtocolType != ConsumerProtocol.Type)
            return [];
        try
        {
            return ConsumerProtocol.ReadAssignment(member.MemberAssignment);
        }
        catch (WireFormatException exception)
        {
            context.Output.Warn($"What {member.MemberId} is assigned cannot be read: {exception.Message}");
            return [];
        }
    }

    private static Offset? Find(Dictionary<TopicPartition, Offset> committed, TopicPartition partition) =>
        committed.TryGetValue(partition, out var offset) ? offset : null;

    private sealed record Row(
        string? Topic,
        int? Partition,
        long? CommittedOffset,
        long? EndOffset,
        long? Lag,
        string? MemberId,
        string? ClientId,
        string? Host)
    {
        public static Row Of(TopicPartition? partition, Offset? committed, Offset? end, Member? member) => new(
            partition?.Topic.Value,
            partition?.Partition.Value,
            committed?.Value,
            end?.Value,
            end - committed,
            member?.MemberId,
            member?.ClientId,
            member?.ClientHost);
    }
}
