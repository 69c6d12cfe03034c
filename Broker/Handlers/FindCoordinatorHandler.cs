using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>FindCoordinator, versions 0-6: which broker coordinates a group; from version 4 on of several. The first
/// request creates __consumer_offsets and is answered when it is there, where Kafka tells the client to ask again.
/// <para>Transactional ids (type 1) are refused until there are transactions: with UNSUPPORTED_VERSION, and before version 4
/// with TRANSACTIONAL_ID_AUTHORIZATION_FAILED, for librdkafka takes no other error for final, and asks until its application's
/// time is over, without a word why. Share partitions (type 2) and other types are answered INVALID_REQUEST.</para></summary>
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
                response.Coordinators.Add(await FindAsync(key, request.KeyType, context));
            return response;
        }
        var only = await FindAsync(request.Key, request.KeyType, context);
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
        string key, sbyte keyType, RequestContext context)
    {
        var location = keyType switch
        {
            GroupType => await coordinators.LocateAsync(new GroupId(key), context.Aborted),
            TransactionType => new CoordinatorLocation(
                context.ApiVersion >= SeveralKeysFrom ? ErrorCode.UnsupportedVersion : ErrorCode.TransactionalIdAuthorizationFailed,
                null,
                "Loire has no transactions yet: leave transactional.id out of the producer's configuration"),
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
