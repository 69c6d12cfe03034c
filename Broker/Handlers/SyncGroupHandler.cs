using System.Buffers;
using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>SyncGroup, versions 0-5: members ask for their assignment, the leader brings it. Answers when the leader's
/// assignment is committed.</summary>
public sealed class SyncGroupHandler(IGroupCoordinators coordinators) : RequestHandler<SyncGroupRequest, SyncGroupResponse>
{
    private const short NamesProtocolFrom = 5;

    public override async ValueTask<SyncGroupResponse> HandleAsync(RequestContext context, SyncGroupRequest request)
    {
        if (context.ApiVersion >= NamesProtocolFrom && (request.ProtocolType is null || request.ProtocolName is null))
            return new SyncGroupResponse { ErrorCode = ErrorCode.InconsistentGroupProtocol };

        var assignments = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var assignment in request.Assignments)
            assignments[assignment.MemberId] = assignment.Assignment.ToArray();
        var reply = await coordinators.AskAsync<SyncGroupReply>(
            request.GroupId,
            replyTo => new SyncGroupCommand(
                request.GroupId,
                request.MemberId,
                request.GroupInstanceId,
                request.GenerationId,
                request.ProtocolType,
                request.ProtocolName,
                assignments,
                replyTo),
            context.Aborted);
        return new SyncGroupResponse
        {
            ErrorCode = reply.Error,
            ProtocolType = reply.ProtocolType,
            ProtocolName = reply.ProtocolName,
            Assignment = new ReadOnlySequence<byte>(reply.Assignment),
        };
    }
}
