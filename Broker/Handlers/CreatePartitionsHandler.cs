using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.CreatePartitionsRequest;
using static Loire.Protocol.Messages.CreatePartitionsResponse;

namespace Loire.Broker.Handlers;

/// <summary>CreatePartitions, versions 0 to 3. Deviation from Kafka: a timeout of zero or less does not cut the wait
/// short.</summary>
public sealed class CreatePartitionsHandler(ITopicCatalog catalog)
    : RequestHandler<CreatePartitionsRequest, CreatePartitionsResponse>
{
    public override async ValueTask<CreatePartitionsResponse> HandleAsync(
        RequestContext context, CreatePartitionsRequest request)
    {
        using var deadline = AdminOutcome.Deadline(context, request.TimeoutMs);
        var results = request.Topics
            .GroupBy(topic => topic.Name)
            .Select(topics => topics.Count() > 1
                ? Task.FromResult(Answer(
                    topics.Key, new(ErrorCode.InvalidRequest, "The request names this topic more than once.")))
                : GrowAsync(topics.First(), request.ValidateOnly, deadline.Token))
            .ToArray();
        return new() { Results = [.. await Task.WhenAll(results)] };
    }

    private async Task<CreatePartitionsTopicResult> GrowAsync(
        CreatePartitionsTopic topic, bool validateOnly, CancellationToken deadline)
    {
        ImmutableArray<ImmutableArray<NodeId>>? assignments = topic.Assignments is null
            ? null
            : [.. topic.Assignments.Select(assignment => assignment.BrokerIds.ToImmutableArray())];
        var growth = catalog.CreatePartitionsAsync(topic.Name, topic.Count, assignments, validateOnly, CancellationToken.None);
        return Answer(topic.Name, await AdminOutcome.OfAsync(growth, deadline));
    }

    private static CreatePartitionsTopicResult Answer(TopicName name, AdminOutcome outcome) => new()
    {
        Name = name,
        ErrorCode = outcome.Error,
        ErrorMessage = outcome.Message,
    };
}
