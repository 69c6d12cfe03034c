using Loire.Broker.Ports;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>UnregisterBroker, version 0 (KIP-631). Deviation from Kafka: refused with POLICY_VIOLATION while the broker is up or
/// holds replicas, which Kafka leaves to the operator.</summary>
public sealed class UnregisterBrokerHandler(IBrokerRegistry registry)
    : RequestHandler<UnregisterBrokerRequest, UnregisterBrokerResponse>
{
    public override async ValueTask<UnregisterBrokerResponse> HandleAsync(RequestContext context, UnregisterBrokerRequest request)
    {
        var outcome = await AdminOutcome.OfAsync(
            registry.UnregisterAsync(request.BrokerId, CancellationToken.None), context.Aborted);
        return new() { ErrorCode = outcome.Error, ErrorMessage = outcome.Message };
    }
}
