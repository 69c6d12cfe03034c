using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Shared;

/// <summary>Where logs start and end, as far as that can be known: a partition without a leader, or with one that does not
/// answer, keeps nothing from being shown of the others.</summary>
internal sealed class LogOffsets
{
    private readonly Dictionary<TopicPartition, Offset> _starts = [];
    private readonly Dictionary<TopicPartition, Offset> _ends = [];

    public Offset? StartOf(TopicPartition partition) => _starts.TryGetValue(partition, out var start) ? start : null;

    public Offset? EndOf(TopicPartition partition) => _ends.TryGetValue(partition, out var end) ? end : null;

    /// <param name="metadata">Says who leads.</param>
    public static async Task<LogOffsets> ReadAsync(
        CommandContext context, MetadataResponse metadata, IEnumerable<TopicPartition> partitions)
    {
        var leaders = metadata.Topics
            .SelectMany(topic => topic.Partitions, (topic, partition) => (topic, partition))
            .Where(pair => pair.partition.LeaderId != NodeId.None)
            .ToDictionary(
                pair => new TopicPartition(pair.topic.Name!.Value, pair.partition.PartitionIndex), pair => pair.partition.LeaderId);
        var offsets = new LogOffsets();
        foreach (var led in partitions.Where(leaders.ContainsKey).GroupBy(partition => leaders[partition]))
        {
            try
            {
                await ReadAsync(context, led, OffsetQueries.Earliest, offsets._starts);
                await ReadAsync(context, led, OffsetQueries.Latest, offsets._ends);
            }
            catch (KafkaClientException exception)
            {
                context.Output.Warn($"Some offsets of broker {led.Key}'s partitions are not known. {exception.Message}");
            }
        }
        return offsets;
    }

    private static async Task ReadAsync(
        CommandContext context, IEnumerable<TopicPartition> partitions, long timestampMs, Dictionary<TopicPartition, Offset> found)
    {
        foreach (var (partition, offset) in await context.Client.ListOffsetsAsync(partitions, timestampMs, context.Cancelled))
            found.Add(partition, offset);
    }
}
