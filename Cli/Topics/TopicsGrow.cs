using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Topics;

/// <summary><c>loire topics grow TOPIC --partitions N</c></summary>
internal static class TopicsGrow
{
    private static readonly Argument<string> Topic = new("topic") { Description = "The topic's name" };

    private static readonly Option<int> Partitions = new("--partitions", "-p")
    {
        Description = "How many partitions the topic shall have",
        Required = true,
    };

    public static Command Create() =>
        new Command("grow", "Add partitions to a topic; keys may then go to other partitions than before") { Topic, Partitions }
            .Runs(async context =>
            {
                var name = new TopicName(context.Get(Topic));
                var count = context.Get(Partitions);
                var request = new CreatePartitionsRequest
                {
                    Topics = [new() { Name = name, Count = count, Assignments = null }],
                    TimeoutMs = (int)context.Timeout.TotalMilliseconds,
                };
                var response = await context.Client.SendToControllerAsync<CreatePartitionsRequest, CreatePartitionsResponse>(
                    request, context.Cancelled);
                var result = response.Results.Single();
                KafkaClientException.ThrowIfError(result.ErrorCode, result.ErrorMessage, $"Topic {name}");
                context.Output.Done($"{name} now has {count} partitions.", new { topic = name.Value, partitions = count });
            });
}
