using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <param name="ProtocolName">Empty unless the group is stable.</param>
public sealed record DescribedGroup(
    GroupId Group, string State, string ProtocolType, string ProtocolName, IReadOnlyList<DescribedMember> Members);

/// <param name="Metadata">Empty unless the group is stable.</param>
public sealed record DescribedMember(
    string MemberId, string? InstanceId, string ClientId, string ClientHost, byte[] Metadata, byte[] Assignment);

public readonly record struct ListedGroup(GroupId Group, string ProtocolType, GroupState State);

/// <summary>What DescribeGroups and ListGroups show.</summary>
internal static class GroupDescriptions
{
    public static DescribedGroup Describe(ClassicGroup group)
    {
        var isStable = group.State == GroupState.Stable;
        return new DescribedGroup(
            group.Id,
            group.State.Name(),
            group.ProtocolType ?? "",
            isStable ? group.ProtocolName ?? "" : "",
            [.. group.Members.Select(member => new DescribedMember(
                member.MemberId,
                member.InstanceId,
                member.ClientId,
                member.ClientHost,
                isStable ? member.MetadataOf(group.ProtocolName) : [],
                member.Assignment))]);
    }

    public static ListedGroup List(ClassicGroup group) => new(group.Id, group.ProtocolType ?? "", group.State);
}
