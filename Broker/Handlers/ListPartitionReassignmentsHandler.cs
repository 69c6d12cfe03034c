using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>ListPartitionReassignments, version 0 (KIP-455): partitions that are not being moved are left out. As
/// Kafka.</summary>
public sealed class ListPartitionReassignmentsHandler(IPartitionControl control)
    : RequestHandler<ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse>
{
    public override ValueTask<ListPartitionReassignmentsResponse> HandleAsync(
        RequestContext context, ListPartitionReassignmentsRequest request)
    {
        var asked = request.Topics?
            .SelectMany(topic => topic.PartitionIndexes, (topic, index) => new TopicPartition(topic.Name, index))
            .ToHashSet();
        var moves = control.Moves.Where(move => asked is null || asked.Contains(new(move.Topic, move.Partition)));
        return ValueTask.FromResult(new ListPartitionReassignmentsResponse
        {
            Topics =
            [
                .. moves.GroupBy(move => move.Topic).Select(topic => new ListPartitionReassignmentsResponse.OngoingTopicReassignment
                {
                    Name = topic.Key,
                    Partitions = [.. topic.OrderBy(move => move.Partition).Select(Describe)],
                }),
            ],
        });
    }

    private static ListPartitionReassignmentsResponse.OngoingPartitionReassignment Describe(PartitionMove move) => new()
    {
        PartitionIndex = move.Partition,
        Replicas = [.. move.Replicas],
        AddingReplicas = [.. move.Adding],
        RemovingReplicas = [.. move.Removing],
    };
}
