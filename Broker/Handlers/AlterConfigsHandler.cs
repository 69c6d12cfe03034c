using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.AlterConfigsRequest;
using static Loire.Protocol.Messages.AlterConfigsResponse;

namespace Loire.Broker.Handlers;

/// <summary>AlterConfigs, versions 0 to 2: the configs of a resource become the ones given, all others go back to their
/// defaults. Deviation from Kafka: configs that cannot change on a running broker are INVALID_CONFIG, not
/// INVALID_REQUEST.</summary>
public sealed class AlterConfigsHandler(ITopicCatalog catalog) : RequestHandler<AlterConfigsRequest, AlterConfigsResponse>
{
    public override async ValueTask<AlterConfigsResponse> HandleAsync(RequestContext context, AlterConfigsRequest request)
    {
        var alterations = request.Resources.ConvertAll(resource => new ConfigAlteration(
            new ConfigResource((ConfigResourceType)resource.ResourceType, resource.ResourceName),
            resource.Configs.ConvertAll(config => config.Name),
            _ => Replace(resource)));
        var outcomes = await ConfigAlteration.ApplyAsync(alterations, request.ValidateOnly, catalog, context);
        return new()
        {
            Responses = [.. request.Resources.Zip(outcomes, (resource, outcome) => new AlterConfigsResourceResponse
            {
                ErrorCode = outcome.Error,
                ErrorMessage = outcome.Message,
                ResourceType = resource.ResourceType,
                ResourceName = resource.ResourceName,
            })],
        };
    }

    private static ImmutableSortedDictionary<string, string> Replace(AlterConfigsResource resource) =>
        resource.Configs.ToImmutableSortedDictionary(
            config => config.Name,
            config => config.Value
                ?? throw new KafkaException(ErrorCode.InvalidRequest, $"Null value not supported for {config.Name}."),
            StringComparer.Ordinal);
}
