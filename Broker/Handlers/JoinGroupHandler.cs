using System.Buffers;
using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>JoinGroup, versions 0-9: a client becomes or stays a member of a classic group. Answers when the join phase
/// of the rebalance ends.
/// <para>Deviates from Kafka: a join that the same member supersedes with another is answered REBALANCE_IN_PROGRESS,
/// where Kafka leaves it without an answer.</para></summary>
public sealed class JoinGroupHandler(IGroupCoordinators coordinators) : RequestHandler<JoinGroupRequest, JoinGroupResponse>
{
    private const short RequiresMemberIdFrom = 4;
    private const short SkipsAssignmentFrom = 9;
    private const short NullableProtocolFrom = 7;

    public override async ValueTask<JoinGroupResponse> HandleAsync(RequestContext context, JoinGroupRequest request)
    {
        var reply = await coordinators.AskAsync<JoinGroupReply>(
            request.GroupId, replyTo => ToCommand(context, request, replyTo), context.Aborted);
        return new JoinGroupResponse
        {
            ErrorCode = reply.Error,
            GenerationId = reply.Generation,
            ProtocolType = reply.ProtocolType,
            ProtocolName = reply.ProtocolName ?? (context.ApiVersion < NullableProtocolFrom ? "" : null),
            Leader = reply.Leader,
            SkipAssignment = reply.SkipAssignment,
            MemberId = reply.MemberId,
            Members = [.. reply.Members.Select(member => new JoinGroupResponse.JoinGroupResponseMember
            {
                MemberId = member.MemberId,
                GroupInstanceId = member.InstanceId,
                Metadata = new ReadOnlySequence<byte>(member.Metadata),
            })],
        };
    }

    private static JoinGroupCommand ToCommand(
        RequestContext context, JoinGroupRequest request, IReplyTo<JoinGroupReply> replyTo) => new(
        request.GroupId,
        request.MemberId,
        request.GroupInstanceId,
        context.ClientId ?? "",
        context.Connection.Host,
        request.SessionTimeoutMs,
        context.ApiVersion == 0 ? request.SessionTimeoutMs : request.RebalanceTimeoutMs,
        request.ProtocolType,
        [.. request.Protocols
            .DistinctBy(protocol => protocol.Name)
            .Select(protocol => new MemberProtocol(protocol.Name, protocol.Metadata.ToArray()))],
        request.Reason,
        RequireMemberId: context.ApiVersion >= RequiresMemberIdFrom,
        CanSkipAssignment: context.ApiVersion >= SkipsAssignmentFrom,
        Guid.NewGuid(),
        replyTo);
}
