using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.DeleteTopicsResponse;

namespace Loire.Broker.Handlers;

/// <summary>DeleteTopics, versions 0 to 6. Internal topics may be deleted, as in Kafka. Deviation: a timeout of zero or
/// less does not cut the wait short.</summary>
public sealed class DeleteTopicsHandler(ITopicCatalog catalog, IBrokerConfigs configs)
    : RequestHandler<DeleteTopicsRequest, DeleteTopicsResponse>
{
    private const int FirstVersionWithDisabledError = 3;

    public override async ValueTask<DeleteTopicsResponse> HandleAsync(RequestContext context, DeleteTopicsRequest request)
    {
        using var deadline = AdminOutcome.Deadline(context, request.TimeoutMs);
        Target[] targets =
        [
            .. request.TopicNames.Select(name => new Target(name, TopicId.None)),
            .. request.Topics.Select(topic => new Target(topic.Name, topic.TopicId)),
        ];
        var resolved = Array.ConvertAll(targets, Resolve);
        var counts = resolved.OfType<TopicMetadata>().CountBy(topic => topic.Id).ToDictionary();
        var results = new Task<DeletableTopicResult>[targets.Length];
        for (var index = 0; index < targets.Length; index++)
        {
            var refusal = FindFault(context, targets[index], resolved[index]);
            if (refusal.Error == ErrorCode.None && counts[resolved[index]!.Id] > 1)
                refusal = new(ErrorCode.InvalidRequest, "The request names this topic more than once.");
            results[index] = refusal.Error == ErrorCode.None
                ? DeleteAsync(resolved[index]!, deadline.Token)
                : Task.FromResult(Answer(targets[index].Name, targets[index].Id, refusal));
        }

        return new() { Responses = [.. await Task.WhenAll(results)] };
    }

    private TopicMetadata? Resolve(Target target) => target switch
    {
        { Name: { } name, Id.IsNone: true } => catalog.Current.Find(name),
        { Name: null, Id.IsNone: false } => catalog.Current.Find(target.Id),
        _ => null,
    };

    private AdminOutcome FindFault(RequestContext context, Target target, TopicMetadata? topic)
    {
        if (!configs.Current.DeleteTopics)
        {
            return new(
                context.ApiVersion >= FirstVersionWithDisabledError ? ErrorCode.TopicDeletionDisabled : ErrorCode.InvalidRequest,
                "Topics are not deleted here: delete.topic.enable is false.");
        }

        if (target.Name is null == target.Id.IsNone)
            return new(ErrorCode.InvalidRequest, "A topic has to be named either by its name or by its id.");
        if (topic is not null)
            return default;
        return target.Name is { } name
            ? new(ErrorCode.UnknownTopicOrPartition, $"Topic '{name}' does not exist.")
            : new(ErrorCode.UnknownTopicId, $"There is no topic with the id {target.Id}.");
    }

    private async Task<DeletableTopicResult> DeleteAsync(TopicMetadata topic, CancellationToken deadline)
    {
        var outcome = await AdminOutcome.OfAsync(catalog.DeleteTopicAsync(topic.Id, CancellationToken.None), deadline);
        return Answer(topic.Name, topic.Id, outcome);
    }

    private static DeletableTopicResult Answer(TopicName? name, TopicId id, AdminOutcome outcome) => new()
    {
        Name = name,
        TopicId = id,
        ErrorCode = outcome.Error,
        ErrorMessage = outcome.Message,
    };

    private readonly record struct Target(TopicName? Name, TopicId Id);
}
