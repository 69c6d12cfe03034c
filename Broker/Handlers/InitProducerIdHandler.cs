using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>InitProducerId, versions 0 to 5, for idempotent producers: as Kafka, each call gives a new id with epoch 0,
/// whatever id and epoch the producer had (it raises its epoch by itself, KIP-360); an id without an epoch, or an epoch
/// without an id, is INVALID_REQUEST. A transactional id is refused with UNSUPPORTED_VERSION: this broker has no
/// transactions.</summary>
public sealed class InitProducerIdHandler(IProducerIds producerIds)
    : RequestHandler<InitProducerIdRequest, InitProducerIdResponse>
{
    private const short NoEpoch = -1;

    /// <summary>Version 6, for two-phase commit, is not stable in Kafka.</summary>
    public override short HighestVersion => 5;

    public override async ValueTask<InitProducerIdResponse> HandleAsync(RequestContext context, InitProducerIdRequest request)
    {
        // A producer that gives one of the two gives the other (KIP-360).
        if (request.ProducerId == ProducerId.None != (request.ProducerEpoch == NoEpoch)) return Refused(ErrorCode.InvalidRequest);
        if (request.TransactionalId is { } transactionalId)
        {
            return Refused(transactionalId.Value.Length == 0 ? ErrorCode.InvalidRequest : ErrorCode.UnsupportedVersion);
        }

        try
        {
            return new InitProducerIdResponse { ProducerId = await producerIds.NextAsync(context.Aborted), ProducerEpoch = 0 };
        }
        catch (KafkaException exception)
        {
            return Refused(exception.Code);
        }
    }

    private static InitProducerIdResponse Refused(ErrorCode error) => new() { ErrorCode = error, ProducerEpoch = NoEpoch };
}
