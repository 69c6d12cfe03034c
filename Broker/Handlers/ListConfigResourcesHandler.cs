using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>ListConfigResources, versions 0 and 1 (KIP-1142). Version 0 lists client metrics subscriptions alone, of which
/// there are none; groups and loggers have no configs here either.</summary>
public sealed class ListConfigResourcesHandler(ITopicCatalog catalog, IBrokerDirectory brokers)
    : RequestHandler<ListConfigResourcesRequest, ListConfigResourcesResponse>
{
    public override ValueTask<ListConfigResourcesResponse> HandleAsync(
        RequestContext context, ListConfigResourcesRequest request)
    {
        if (context.ApiVersion == 0)
            return ValueTask.FromResult(new ListConfigResourcesResponse());
        var types = request.ResourceTypes.Select(type => (ConfigResourceType)type).Distinct().ToList();
        if (types.Exists(type => type == ConfigResourceType.Unknown || !Enum.IsDefined(type)))
            return ValueTask.FromResult(new ListConfigResourcesResponse { ErrorCode = ErrorCode.UnsupportedVersion });

        var response = new ListConfigResourcesResponse();
        if (types.Count == 0 || types.Contains(ConfigResourceType.Topic))
            Add(response, ConfigResourceType.Topic, catalog.Current.Topics.Select(topic => topic.Name.Value));
        if (types.Count == 0 || types.Contains(ConfigResourceType.Broker))
            Add(response, ConfigResourceType.Broker, brokers.Brokers.Select(broker => broker.Node.ToString()));
        return ValueTask.FromResult(response);
    }

    private static void Add(ListConfigResourcesResponse response, ConfigResourceType type, IEnumerable<string> names) =>
        response.ConfigResources.AddRange(names.Select(name => new ListConfigResourcesResponse.ConfigResource
        {
            ResourceName = name,
            ResourceType = (sbyte)type,
        }));
}
