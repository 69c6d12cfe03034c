using System.CommandLine;
using Loire.Cli.Configs;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Topics;

/// <summary><c>loire topics create TOPIC</c></summary>
internal static class TopicsCreate
{
    private const short BrokerDefault = -1;

    private static readonly Argument<string> Topic = new("topic") { Description = "The topic's name" };

    private static readonly Option<int> Partitions = new("--partitions", "-p")
    {
        Description = "How many partitions; the broker's default where not given",
        DefaultValueFactory = _ => BrokerDefault,
    };

    private static readonly Option<short> Replicas = new("--replicas", "-r")
    {
        Description = "How many replicas of each; the broker's default where not given",
        DefaultValueFactory = _ => BrokerDefault,
    };

    private static readonly Option<string[]> Settings =
        Assignments.Option("--config", "-c", "A setting of the topic, NAME=VALUE; may repeat");

    private static readonly Option<bool> IfNotExists = new("--if-not-exists")
    {
        Description = "Leave a topic that exists as it is, and call that a success",
    };

    public static Command Create() =>
        new Command("create", "Create a topic") { Topic, Partitions, Replicas, Settings, IfNotExists }.Runs(async context =>
        {
            var request = new CreateTopicsRequest { TimeoutMs = (int)context.Timeout.TotalMilliseconds };
            var topic = new CreateTopicsRequest.CreatableTopic
            {
                Name = new TopicName(context.Get(Topic)),
                NumPartitions = context.Get(Partitions),
                ReplicationFactor = context.Get(Replicas),
            };
            foreach (var (name, value) in Assignments.Split(context.Get(Settings)))
                topic.Configs.Add(new() { Name = name, Value = value });
            request.Topics.Add(topic);

            var response = await context.Client.SendToControllerAsync<CreateTopicsRequest, CreateTopicsResponse>(
                request, context.Cancelled);
            var result = response.Topics.Single();
            if (result.ErrorCode == ErrorCode.TopicAlreadyExists && context.Get(IfNotExists))
            {
                context.Output.Done(
                    $"{topic.Name} exists already; nothing is changed.", new { topic = topic.Name.Value, created = false });
                return;
            }
            KafkaClientException.ThrowIfError(result.ErrorCode, result.ErrorMessage, $"Topic {topic.Name}");
            context.Output.Done(
                $"Created {topic.Name} with {result.NumPartitions} partitions.",
                new
                {
                    topic = topic.Name.Value,
                    created = true,
                    partitions = result.NumPartitions,
                    replicas = result.ReplicationFactor,
                    id = result.TopicId.ToString(),
                });
        });
}
