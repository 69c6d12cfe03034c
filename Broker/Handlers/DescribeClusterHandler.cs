using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.DescribeClusterResponse;

namespace Loire.Broker.Handlers;

/// <summary>DescribeCluster, versions 0 to 2. Only brokers are described: there are no controllers to reach
/// (KIP-919). Brokers that are not up are shown where they are asked for (KIP-1073).</summary>
public sealed class DescribeClusterHandler(IBrokerDirectory brokers)
    : RequestHandler<DescribeClusterRequest, DescribeClusterResponse>
{
    private const sbyte Brokers = 1;
    private const sbyte Controllers = 2;

    public override ValueTask<DescribeClusterResponse> HandleAsync(RequestContext context, DescribeClusterRequest request) =>
        ValueTask.FromResult(request.EndpointType switch
        {
            Brokers => Describe(request),
            Controllers => Refuse(ErrorCode.MismatchedEndpointType, "This address belongs to a broker, not to a controller."),
            var type => Refuse(ErrorCode.UnsupportedEndpointType, $"Unknown endpoint type {type}."),
        });

    private static DescribeClusterResponse Refuse(ErrorCode error, string message) =>
        new() { ErrorCode = error, ErrorMessage = message };

    private DescribeClusterResponse Describe(DescribeClusterRequest request) => new()
    {
        ClusterId = brokers.ClusterId,
        ControllerId = brokers.Controller,
        Brokers =
        [
            .. brokers.Brokers.Select(broker => Describe(broker, isFenced: false)),
            .. request.IncludeFencedBrokers ? brokers.Fenced.Select(broker => Describe(broker, isFenced: true)) : [],
        ],
        ClusterAuthorizedOperations = request.IncludeClusterAuthorizedOperations
            ? AuthorizedOperations.Cluster
            : AuthorizedOperations.NotAsked,
    };

    private static DescribeClusterBroker Describe(BrokerEndpoint broker, bool isFenced) => new()
    {
        BrokerId = broker.Node,
        Host = broker.Host,
        Port = broker.Port,
        Rack = broker.Rack,
        IsFenced = isFenced,
    };
}
