using System.CommandLine;
using Loire.Cli.Shared;
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
        var response = await context.Client.SendToControllerAsync<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
            new IncrementalAlterConfigsRequest { Resources = [resource] }, context.Cancelled);
        var result = response.Responses.Single();
        KafkaClientException.ThrowIfError(result.ErrorCode, result.ErrorMessage, ToString());
    }

    private static Argument<string> CreateKind()
    {
        var kind = new Argument<string>("kind") { Description = "Whose settings: topic or broker" };
        kind.AcceptOnlyFromAmong("topic", "broker");
        return kind;
    }
}
