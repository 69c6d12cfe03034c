using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Partition = Loire.Protocol.Messages.MetadataResponse.MetadataResponsePartition;

namespace Loire.Cli.Topics;

/// <summary>Has leaders of a topic's partitions elected (KIP-183, KIP-460).</summary>
internal sealed class LeaderElection(CommandContext context, TopicName topic)
{
    private const sbyte Preferred = 0;
    private const sbyte Unclean = 1;

    /// <summary>The broker carries them out one after the other, and each takes a synced write of the topic's
    /// controller.</summary>
    private const int ElectionsPerRequest = 20;

    /// <summary>The topic's partitions, those without a leader included.</summary>
    public async Task<List<Partition>> ReadAsync()
    {
        var metadata = await context.Client.GetMetadataAsync([topic], allowAutoTopicCreation: false, context.Cancelled);
        var found = metadata.Topics.Single();
        KafkaClientException.ThrowIfError(found.ErrorCode, detail: null, $"Topic {topic}");
        return [.. found.Partitions.OrderBy(partition => partition.PartitionIndex.Value)];
    }

    public async Task<Dictionary<PartitionIndex, ElectLeadersResponse.PartitionResultEntry>> ElectAsync(
        IEnumerable<Partition> partitions, bool isUnclean)
    {
        var results = new Dictionary<PartitionIndex, ElectLeadersResponse.PartitionResultEntry>();
        foreach (var chunk in partitions.Select(partition => partition.PartitionIndex).Chunk(ElectionsPerRequest))
        {
            var request = new ElectLeadersRequest
            {
                ElectionType = isUnclean ? Unclean : Preferred,
                TopicPartitions = [new() { Topic = topic, Partitions = [.. chunk] }],
                TimeoutMs = (int)context.Timeout.TotalMilliseconds,
            };
            var response = await context.Client.SendToControllerAsync<ElectLeadersRequest, ElectLeadersResponse>(
                request, context.Cancelled);
            KafkaClientException.ThrowIfError(response.ErrorCode, detail: null, $"Electing leaders of {topic}");
            foreach (var result in response.ReplicaElectionResults.Single().PartitionResult) results.Add(result.PartitionId, result);
        }

        return results;
    }

    /// <summary>Waits until the brokers show newer leader epochs than before.</summary>
    /// <param name="elected">As they were before they were elected a leader.</param>
    /// <returns>All partitions, as they are then.</returns>
    public Task<List<Partition>> WaitAsync(IReadOnlyCollection<Partition> elected) => context.Client.RetryAsync(
        async _ =>
        {
            var now = await ReadAsync();
            var late = elected.FirstOrDefault(before => now.Exists(partition =>
                partition.PartitionIndex == before.PartitionIndex && partition.LeaderEpoch <= before.LeaderEpoch));
            return late is null ? now : throw new KafkaClientException(
                ErrorCode.LeaderNotAvailable,
                $"Partition {topic}-{late.PartitionIndex} was elected a leader, but it is not known yet. Repeat the command to see it.");
        },
        context.Cancelled);
}
