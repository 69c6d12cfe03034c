using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Topics;

/// <summary><c>loire topics delete TOPIC...</c></summary>
internal static class TopicsDelete
{
    // From version 6 on topics are named another way.
    private const short HighestVersion = 5;

    private static readonly Argument<string[]> Topics = new("topics")
    {
        Description = "The topics' names",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create() =>
        new Command("delete", "Delete topics and all their records") { Topics }.Runs(async context =>
        {
            var request = new DeleteTopicsRequest
            {
                TopicNames = [.. context.Get(Topics).Select(name => new TopicName(name))],
                TimeoutMs = (int)context.Timeout.TotalMilliseconds,
            };
            var response = await context.Client.SendToControllerAsync<DeleteTopicsRequest, DeleteTopicsResponse>(
                request, context.Cancelled, HighestVersion);
            var deletions = new Deletions();
            foreach (var result in response.Responses)
            {
                var name = result.Name!.Value.Value;
                if (result.ErrorCode == ErrorCode.None)
                    deletions.Add(name);
                else
                    deletions.Refuse(name, KafkaClientException.Of(result.ErrorCode, result.ErrorMessage, $"Topic {name}"));
            }
            deletions.Report(context.Output);
        });
}
