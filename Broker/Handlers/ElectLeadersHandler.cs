using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>ElectLeaders, versions 0 to 2 (KIP-183, KIP-460). Asked for all partitions it leaves those out that have the
/// right leader. Differs from Kafka: an unknown election type is answered with INVALID_REQUEST.</summary>
public sealed class ElectLeadersHandler(IPartitionControl control, ITopicCatalog catalog)
    : RequestHandler<ElectLeadersRequest, ElectLeadersResponse>
{
    private const sbyte Preferred = 0;
    private const sbyte Unclean = 1;

    public override async ValueTask<ElectLeadersResponse> HandleAsync(RequestContext context, ElectLeadersRequest request)
    {
        if (request.ElectionType is not (Preferred or Unclean)) return new() { ErrorCode = ErrorCode.InvalidRequest };
        using var deadline = AdminOutcome.Deadline(context, request.TimeoutMs);
        var isForAll = request.TopicPartitions is null;
        var response = new ElectLeadersResponse();
        foreach (var (topic, partitions) in Asked(request))
        {
            var results = new List<ElectLeadersResponse.PartitionResultEntry>();
            foreach (var partition in partitions)
            {
                var election = control.ElectAsync(topic, partition, request.ElectionType == Unclean, CancellationToken.None);
                var outcome = await AdminOutcome.OfAsync(election, deadline.Token);
                if (isForAll && outcome.Error == ErrorCode.ElectionNotNeeded) continue;
                results.Add(new() { PartitionId = partition, ErrorCode = outcome.Error, ErrorMessage = outcome.Message });
            }

            if (results.Count > 0) response.ReplicaElectionResults.Add(new() { Topic = topic, PartitionResult = results });
        }

        return response;
    }

    private IEnumerable<(TopicName Topic, IEnumerable<PartitionIndex> Partitions)> Asked(ElectLeadersRequest request) =>
        request.TopicPartitions is { } named
            ? named.Select(topic => (topic.Topic, topic.Partitions.AsEnumerable()))
            : catalog.Current.Topics.Select(topic => (topic.Name, topic.Partitions.Select(partition => partition.Index)));
}
