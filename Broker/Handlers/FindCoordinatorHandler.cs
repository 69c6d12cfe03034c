using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>FindCoordinator, versions 0-6: which broker coordinates a group; from version 4 on of several. The first
/// request creates __consumer_offsets and is answered when it is there, where Kafka tells the client to ask again.
/// <para>Transactional ids (type 1) are answered UNSUPPORTED_VERSION until there are transactions; share partitions
/// (type 2) and other types INVALID_REQUEST.</para></summary>
public sealed class FindCoordinatorHandler(IGroupCoordinators coordinators)
    : RequestHandler<FindCoordinatorRequest, FindCoordinatorResponse>
{
    private const short SeveralKeysFrom = 4;
    private const sbyte GroupType = 0;
    private const sbyte TransactionType = 1;

    public override async ValueTask<FindCoordinatorResponse> HandleAsync(
        RequestContext context, FindCoordinatorRequest request)
    {
        if (context.ApiVersion >= SeveralKeysFrom)
        {
            var response = new FindCoordinatorResponse();
            foreach (var key in request.CoordinatorKeys)
                response.Coordinators.Add(await FindAsync(key, request.KeyType, context.Aborted));
            return response;
        }
        var only = await FindAsync(request.Key, request.KeyType, context.Aborted);
        return new FindCoordinatorResponse
        {
            ErrorCode = only.ErrorCode,
            ErrorMessage = only.ErrorMessage,
            NodeId = only.NodeId,
            Host = only.Host,
            Port = only.Port,
        };
    }

    private async ValueTask<FindCoordinatorResponse.Coordinator> FindAsync(
        string key, sbyte keyType, CancellationToken cancellationToken)
    {
        var location = keyType switch
        {
            GroupType => await coordinators.LocateAsync(new GroupId(key), cancellationToken),
            TransactionType => new CoordinatorLocation(
                ErrorCode.UnsupportedVersion, null, "this broker does not coordinate transactions"),
            _ => new CoordinatorLocation(ErrorCode.InvalidRequest, null, $"there are no coordinators of type {keyType}"),
        };
        return new FindCoordinatorResponse.Coordinator
        {
            Key = key,
            ErrorCode = location.Error,
            ErrorMessage = location.Message,
            NodeId = location.Broker?.Node ?? NodeId.None,
            Host = location.Broker?.Host ?? "",
            Port = location.Broker?.Port ?? -1,
        };
    }
}
