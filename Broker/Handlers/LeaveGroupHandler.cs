using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>LeaveGroup, versions 0-5: members go. From version 3 on several at a time, static ones by their instance id
/// alone.</summary>
public sealed class LeaveGroupHandler(IGroupCoordinators coordinators)
    : RequestHandler<LeaveGroupRequest, LeaveGroupResponse>
{
    private const short SeveralMembersFrom = 3;

    public override async ValueTask<LeaveGroupResponse> HandleAsync(RequestContext context, LeaveGroupRequest request)
    {
        LeavingMember[] members = context.ApiVersion < SeveralMembersFrom
            ? [new LeavingMember(request.MemberId, null, null)]
            : [.. request.Members.Select(member => new LeavingMember(member.MemberId, member.GroupInstanceId, member.Reason))];
        var reply = await coordinators.AskAsync<LeaveGroupReply>(
            request.GroupId, replyTo => new LeaveGroupCommand(request.GroupId, members, replyTo), context.Aborted);
        if (reply.Error != ErrorCode.None)
            return new LeaveGroupResponse { ErrorCode = reply.Error };
        if (context.ApiVersion < SeveralMembersFrom)
            return new LeaveGroupResponse { ErrorCode = reply.Members[0] };
        return new LeaveGroupResponse
        {
            Members = [.. members.Zip(reply.Members, (member, error) => new LeaveGroupResponse.MemberResponse
            {
                MemberId = member.MemberId,
                GroupInstanceId = member.InstanceId,
                ErrorCode = error,
            })],
        };
    }
}
