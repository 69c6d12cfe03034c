using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Configs;

/// <summary>What settings belong to: a topic, one broker, or all brokers.</summary>
/// <param name="Type">The protocol's code.</param>
internal sealed record ConfigResource(sbyte Type, string Name)
{
    private const sbyte TopicType = 2;
    private const sbyte BrokerType = 4;
    private const string AllBrokers = "default";

    public static Argument<string> Kind { get; } = CreateKind();

    public static Argument<string> Entity { get; } = new("name")
    {
        Description = $"The topic's name, the broker's id, or '{AllBrokers}' for what all brokers share",
    };

    public static ConfigResource From(CommandContext context)
    {
        var name = context.Get(Entity);
        return context.Get(Kind) == "topic"
            ? new ConfigResource(TopicType, name)
            : new ConfigResource(BrokerType, name == AllBrokers ? "" : name);
    }

    /// <summary>Describes the settings. Those of one broker nobody knows but that broker.</summary>
    /// <exception cref="CliException">The broker is not up.</exception>
    public async Task<DescribeConfigsResponse.DescribeConfigsResult> DescribeAsync(CommandContext context)
    {
        var request = new DescribeConfigsRequest
        {
            Resources = [new() { ResourceType = Type, ResourceName = Name, ConfigurationKeys = null }],
        };
        var response = !IsOneBroker
            ? await context.Client.SendToAnyAsync<DescribeConfigsRequest, DescribeConfigsResponse>(request, context.Cancelled)
            : await FindBrokerAsync(context) is { } broker
                ? await context.Client.SendToBrokerAsync<DescribeConfigsRequest, DescribeConfigsResponse>(
                    broker, request, context.Cancelled)
                : throw new CliException(ExitCode.Refused, $"{this} is not up, and nobody else can tell its settings.");
        var result = response.Results.Single();
        KafkaClientException.ThrowIfError(result.ErrorCode, result.ErrorMessage, ToString());
        return result;
    }

    public override string ToString() => (Type == TopicType ? "Topic " : "Broker ") + (Name.Length == 0 ? AllBrokers : Name);

    /// <summary>Changes settings one by one; those not named stay.</summary>
    public async Task AlterAsync(
        CommandContext context, IEnumerable<IncrementalAlterConfigsRequest.AlterableConfig> changes)
    {
        var resource = new IncrementalAlterConfigsRequest.AlterConfigsResource
        {
            ResourceType = Type,
            ResourceName = Name,
            Configs = [.. changes],
        };
        var request = new IncrementalAlterConfigsRequest { Resources = [resource] };
        // Kafka's brokers take changes of their settings only themselves; here the controller takes them for one that is down.
        var response = await FindBrokerAsync(context) is { } broker
            ? await context.Client.SendToBrokerAsync<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
                broker, request, context.Cancelled)
            : await context.Client.SendToControllerAsync<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
                request, context.Cancelled);
        var result = response.Responses.Single();
        KafkaClientException.ThrowIfError(result.ErrorCode, result.ErrorMessage, ToString());
    }

    private bool IsOneBroker => Type == BrokerType && Name.Length > 0;

    /// <returns>Null where this is no broker that is up.</returns>
    private async Task<NodeId?> FindBrokerAsync(CommandContext context)
    {
        if (!IsOneBroker)
            return null;
        var cluster = await context.Client.GetMetadataAsync([], allowAutoTopicCreation: false, context.Cancelled);
        return cluster.Brokers.Find(broker => broker.NodeId.ToString() == Name)?.NodeId;
    }

    private static Argument<string> CreateKind()
    {
        var kind = new Argument<string>("kind") { Description = "Whose settings: topic or broker" };
        kind.AcceptOnlyFromAmong("topic", "broker");
        return kind;
    }
}
