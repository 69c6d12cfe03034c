using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>Heartbeat, versions 0-4: a member stays, and learns of rebalances.</summary>
public sealed class HeartbeatHandler(IGroupCoordinators coordinators) : RequestHandler<HeartbeatRequest, HeartbeatResponse>
{
    public override async ValueTask<HeartbeatResponse> HandleAsync(RequestContext context, HeartbeatRequest request) => new()
    {
        ErrorCode = await coordinators.AskAsync<ErrorCode>(
            request.GroupId,
            replyTo => new HeartbeatCommand(
                request.GroupId, request.MemberId, request.GroupInstanceId, request.GenerationId, replyTo),
            context.Aborted),
    };
}
