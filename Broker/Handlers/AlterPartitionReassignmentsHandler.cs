using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.AlterPartitionReassignmentsRequest;
using static Loire.Protocol.Messages.AlterPartitionReassignmentsResponse;

namespace Loire.Broker.Handlers;

/// <summary>AlterPartitionReassignments, versions 0 and 1 (KIP-455; the replication factor may be held since KIP-860).
/// As Kafka.</summary>
public sealed class AlterPartitionReassignmentsHandler(IPartitionControl control, ITopicCatalog catalog)
    : RequestHandler<AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse>
{
    public override async ValueTask<AlterPartitionReassignmentsResponse> HandleAsync(
        RequestContext context, AlterPartitionReassignmentsRequest request)
    {
        using var deadline = AdminOutcome.Deadline(context, request.TimeoutMs);
        var response = new AlterPartitionReassignmentsResponse
        {
            AllowReplicationFactorChange = request.AllowReplicationFactorChange,
        };
        foreach (var topic in request.Topics)
        {
            var answers = new List<ReassignablePartitionResponse>(topic.Partitions.Count);
            foreach (var partition in topic.Partitions)
            {
                var outcome = CheckFactor(topic.Name, partition, request.AllowReplicationFactorChange)
                    ?? await AdminOutcome.OfAsync(ReassignAsync(topic.Name, partition), deadline.Token);
                answers.Add(new()
                {
                    PartitionIndex = partition.PartitionIndex,
                    ErrorCode = outcome.Error,
                    ErrorMessage = outcome.Message,
                });
            }

            response.Responses.Add(new() { Name = topic.Name, Partitions = answers });
        }

        return response;
    }

    private Task ReassignAsync(TopicName topic, ReassignablePartition partition) => control.ReassignAsync(
        topic, partition.PartitionIndex, partition.Replicas?.ToImmutableArray(), CancellationToken.None);

    /// <returns>Null where the number of replicas may be what is asked for.</returns>
    private AdminOutcome? CheckFactor(TopicName topic, ReassignablePartition asked, bool mayChange)
    {
        var partitions = catalog.Current.Find(topic)?.Partitions ?? [];
        var index = asked.PartitionIndex;
        if (mayChange || asked.Replicas is null || (uint)index.Value >= (uint)partitions.Length) return null;
        var leaving = control.Moves.FirstOrDefault(move => move.Topic == topic && move.Partition == index)?.Removing ?? [];
        var count = partitions[index.Value].Replicas.Count(replica => !leaving.Contains(replica));
        return count == asked.Replicas.Count
            ? null
            : new(
                ErrorCode.InvalidReplicationFactor,
                $"{topic}-{index} has {count} replicas and the request, which keeps their number, names {asked.Replicas.Count}.");
    }
}
