using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.IncrementalAlterConfigsRequest;
using static Loire.Protocol.Messages.IncrementalAlterConfigsResponse;

namespace Loire.Broker.Handlers;

/// <summary>IncrementalAlterConfigs, versions 0 and 1 (KIP-339). Deviation from Kafka: configs that cannot change on a
/// running broker are INVALID_CONFIG, not INVALID_REQUEST.</summary>
public sealed class IncrementalAlterConfigsHandler(ITopicCatalog catalog)
    : RequestHandler<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>
{
    public override async ValueTask<IncrementalAlterConfigsResponse> HandleAsync(
        RequestContext context, IncrementalAlterConfigsRequest request)
    {
        var alterations = request.Resources.ConvertAll(resource => new ConfigAlteration(
            new ConfigResource((ConfigResourceType)resource.ResourceType, resource.ResourceName),
            resource.Configs.ConvertAll(config => config.Name),
            overrides => Edit(overrides, resource)));
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

    private static ImmutableSortedDictionary<string, string> Edit(
        ImmutableSortedDictionary<string, string> overrides, AlterConfigsResource resource)
    {
        var table = resource.ResourceType == (sbyte)ConfigResourceType.Topic ? TopicConfigTable.Table : BrokerConfigTable.Table;
        foreach (var config in resource.Configs)
        {
            var operation = (ConfigOperation)config.ConfigOperation;
            if (!Enum.IsDefined(operation))
            {
                throw new KafkaException(
                    ErrorCode.InvalidRequest, $"Unknown operation {config.ConfigOperation} for {config.Name}.");
            }

            overrides = new ConfigEdit(config.Name, operation, config.Value).Apply(overrides, table);
        }

        return overrides;
    }
}
