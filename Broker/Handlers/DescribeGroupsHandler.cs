using System.Buffers;
using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>DescribeGroups, versions 0-6: state and members of groups. A group that does not exist is in state Dead, from
/// version 6 on with GROUP_ID_NOT_FOUND (KIP-1043). Deviation from Kafka: a group named twice is answered once.</summary>
public sealed class DescribeGroupsHandler(IGroupCoordinators coordinators)
    : RequestHandler<DescribeGroupsRequest, DescribeGroupsResponse>
{
    private const short GroupIdNotFoundFrom = 6;

    public override ValueTask<DescribeGroupsResponse> HandleAsync(RequestContext context, DescribeGroupsRequest request) =>
        ValueTask.FromResult(new DescribeGroupsResponse
        {
            Groups =
            [
                .. request.Groups.Distinct()
                    .Select(group => Describe(group, context.ApiVersion, request.IncludeAuthorizedOperations)),
            ],
        });

    private static DescribeGroupsResponse.DescribedGroup ToMessage(DescribedGroup group, bool withOperations) => new()
    {
        GroupId = group.Group,
        GroupState = group.State,
        ProtocolType = group.ProtocolType,
        ProtocolData = group.ProtocolName,
        Members = [.. group.Members.Select(member => new DescribeGroupsResponse.DescribedGroupMember
        {
            MemberId = member.MemberId,
            GroupInstanceId = member.InstanceId,
            ClientId = member.ClientId,
            ClientHost = member.ClientHost,
            MemberMetadata = new ReadOnlySequence<byte>(member.Metadata),
            MemberAssignment = new ReadOnlySequence<byte>(member.Assignment),
        })],
        AuthorizedOperations = withOperations ? AuthorizedOperations.Group : AuthorizedOperations.NotAsked,
    };

    private DescribeGroupsResponse.DescribedGroup Describe(GroupId id, short version, bool withOperations)
    {
        var (error, coordinator) = coordinators.Find(id);
        DescribedGroup? group = null;
        if (coordinator is not null)
            (error, group) = coordinator.Describe(id);
        if (group is not null)
            return ToMessage(group, withOperations);
        if (error != ErrorCode.None)
            return new DescribeGroupsResponse.DescribedGroup { GroupId = id, ErrorCode = error };
        return new DescribeGroupsResponse.DescribedGroup
        {
            GroupId = id,
            GroupState = GroupStateNames.Dead,
            ErrorCode = version >= GroupIdNotFoundFrom ? ErrorCode.GroupIdNotFound : ErrorCode.None,
            ErrorMessage = version >= GroupIdNotFoundFrom ? $"Group {id} not found." : null,
        };
    }
}
