using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.DescribeConfigsRequest;
using static Loire.Protocol.Messages.DescribeConfigsResponse;

namespace Loire.Broker.Handlers;

/// <summary>DescribeConfigs, versions 0 to 4. Deviations from Kafka: only the configs that Loire has (docs/configs.md), which are
/// those of topics and brokers: a broker's loggers (KIP-412), groups (KIP-848) and client metrics (KIP-714) have none;
/// synonyms stand in the order in which they win; a resource named twice is answered once, with all that was asked of
/// it.</summary>
public sealed class DescribeConfigsHandler(ITopicCatalog catalog, IBrokerDirectory brokers)
    : RequestHandler<DescribeConfigsRequest, DescribeConfigsResponse>
{
    public override ValueTask<DescribeConfigsResponse> HandleAsync(RequestContext context, DescribeConfigsRequest request)
    {
        var results = request.Resources
            .GroupBy(resource => (resource.ResourceType, resource.ResourceName))
            .Select(repeats => Describe(context, request, repeats.Key.ResourceType, repeats.Key.ResourceName, KeysOf(repeats)));
        return ValueTask.FromResult(new DescribeConfigsResponse { Results = [.. results] });
    }

    /// <returns>Null for all.</returns>
    private static HashSet<string>? KeysOf(IEnumerable<DescribeConfigsResource> repeats) =>
        repeats.All(resource => resource.ConfigurationKeys is { Count: > 0 })
            ? repeats.SelectMany(resource => resource.ConfigurationKeys!).ToHashSet(StringComparer.Ordinal)
            : null;

    private DescribeConfigsResult Describe(
        RequestContext context, DescribeConfigsRequest request, sbyte type, string name, HashSet<string>? wanted)
    {
        var result = new DescribeConfigsResult { ErrorMessage = null, ResourceType = type, ResourceName = name };
        try
        {
            result.Configs =
            [
                .. Describe((ConfigResourceType)type, name)
                    .Where(config => wanted is null || wanted.Contains(config.Definition.Name))
                    .Select(config => Answer(context, request, (ConfigResourceType)type, config)),
            ];
        }
        catch (KafkaException refusal)
        {
            result.ErrorCode = refusal.Code;
            result.ErrorMessage = refusal.Message;
        }

        return result;
    }

    private IEnumerable<ConfigValue> Describe(ConfigResourceType type, string name)
    {
        switch (type)
        {
            case ConfigResourceType.Topic:
                var topic = FindTopic(new TopicName(name));
                return TopicConfigTable.Table.All.Select(
                    definition => catalog.Configs.DescribeTopic(definition, topic.ConfigOverrides));
            case ConfigResourceType.Broker when name.Length == 0:
                return catalog.GetOverrides(new ConfigResource(type, name)).Select(set => new ConfigValue(
                    BrokerConfigTable.Table.Get(set.Key),
                    set.Value,
                    ConfigSource.DynamicDefaultBrokerConfig,
                    [new ConfigSynonym(set.Key, set.Value, ConfigSource.DynamicDefaultBrokerConfig)]));
            case ConfigResourceType.Broker when string.Equals(name, brokers.LocalNode.ToString(), StringComparison.Ordinal):
                return BrokerConfigTable.Table.All.Select(catalog.Configs.DescribeBroker);
            case ConfigResourceType.Broker:
                throw new KafkaException(
                    ErrorCode.InvalidRequest,
                    $"This is broker {brokers.LocalNode}: it cannot describe broker '{name}'. Leave the name empty for all brokers.");
            case ConfigResourceType.BrokerLogger when string.Equals(name, brokers.LocalNode.ToString(), StringComparison.Ordinal):
            case ConfigResourceType.Group or ConfigResourceType.ClientMetrics when name.Length > 0:
                return [];
            case ConfigResourceType.BrokerLogger:
                throw new KafkaException(
                    ErrorCode.InvalidRequest, $"This is broker {brokers.LocalNode}: it cannot describe the loggers of broker '{name}'.");
            case ConfigResourceType.Group or ConfigResourceType.ClientMetrics:
                throw new KafkaException(ErrorCode.InvalidRequest, $"A resource of type {type} needs a name.");
            default:
                throw new KafkaException(ErrorCode.InvalidRequest, $"There are no resources of type {type}.");
        }
    }

    private TopicMetadata FindTopic(TopicName name)
    {
        if (TopicNames.FindFault(name) is { } fault)
            throw new KafkaException(ErrorCode.InvalidTopicException, fault);
        return catalog.Current.Find(name)
            ?? throw new KafkaException(ErrorCode.UnknownTopicOrPartition, $"Topic '{name}' does not exist.");
    }

    private static DescribeConfigsResourceResult Answer(
        RequestContext context, DescribeConfigsRequest request, ConfigResourceType type, ConfigValue config)
    {
        var definition = config.Definition;
        return new()
        {
            Name = definition.Name,
            Value = definition.IsSensitive ? null : config.Value,
            ReadOnly = type != ConfigResourceType.Topic && !definition.IsDynamic,
            IsDefault = context.ApiVersion == 0 && config.Source == ConfigSource.DefaultConfig,
            ConfigSource = (sbyte)config.Source,
            IsSensitive = definition.IsSensitive,
            ConfigType = (sbyte)definition.Type,
            Documentation = request.IncludeDocumentation ? definition.Documentation : null,
            Synonyms = !request.IncludeSynonyms ? [] :
            [
                .. config.Synonyms.Select(synonym => new DescribeConfigsSynonym
                {
                    Name = synonym.Name,
                    Value = definition.IsSensitive ? null : synonym.Value,
                    Source = (sbyte)synonym.Source,
                }),
            ],
        };
    }
}
