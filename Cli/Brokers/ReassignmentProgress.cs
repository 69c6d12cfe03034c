using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Brokers;

/// <summary>Starts moves of partitions and follows them to their end (KIP-455).</summary>
internal static class ReassignmentProgress
{
    /// <summary>The broker carries them out one after the other, and each takes a synced write of its topic's
    /// controller.</summary>
    private const int MovesPerRequest = 20;

    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);

    /// <summary>What is under way.</summary>
    public static async Task<Dictionary<TopicPartition, ListPartitionReassignmentsResponse.OngoingPartitionReassignment>> ReadAsync(
        CommandContext context)
    {
        var response = await context.Client.SendToAnyAsync<ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse>(
            new ListPartitionReassignmentsRequest(), context.Cancelled);
        KafkaClientException.ThrowIfError(response.ErrorCode, response.ErrorMessage, "Listing moves of partitions");
        return response.Topics
            .SelectMany(topic => topic.Partitions.Select(move => (Key: new TopicPartition(topic.Name, move.PartitionIndex), move)))
            .ToDictionary(entry => entry.Key, entry => entry.move);
    }

    /// <exception cref="CliException">Names the moves that were refused; the others are under way.</exception>
    public static async Task StartAsync(CommandContext context, IReadOnlyCollection<Move> moves)
    {
        var refusals = new List<string>();
        foreach (var chunk in moves.Chunk(MovesPerRequest))
        {
            var request = new AlterPartitionReassignmentsRequest
            {
                TimeoutMs = (int)context.Timeout.TotalMilliseconds,
                Topics =
                [
                    .. chunk.GroupBy(move => move.Partition.Topic).Select(topic => new AlterPartitionReassignmentsRequest.ReassignableTopic
                    {
                        Name = topic.Key,
                        Partitions =
                        [
                            .. topic.Select(move => new AlterPartitionReassignmentsRequest.ReassignablePartition
                            {
                                PartitionIndex = move.Partition.Partition,
                                Replicas = [.. move.After],
                            }),
                        ],
                    }),
                ],
            };
            var response = await context.Client.SendToControllerAsync<
                AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse>(request, context.Cancelled);
            KafkaClientException.ThrowIfError(response.ErrorCode, response.ErrorMessage, "Moving partitions");
            refusals.AddRange(
                from topic in response.Responses
                from partition in topic.Partitions
                where partition.ErrorCode != ErrorCode.None
                select $"{topic.Name}-{partition.PartitionIndex}: {partition.ErrorMessage ?? partition.ErrorCode.Explain()}");
        }

        if (refusals.Count > 0)
        {
            throw new CliException(
                ExitCode.Refused,
                $"{refusals.Count} of {moves.Count} partitions cannot be moved now; repeat the command when that is mended.\n  "
                + string.Join("\n  ", refusals));
        }
    }

    /// <summary>Returns when all are complete. What is interrupted goes on without this command.</summary>
    public static Task WaitAsync(CommandContext context, IReadOnlyCollection<Move> moves) =>
        context.Output.WithProgressAsync("Moving", moves.Count, async done =>
        {
            var left = moves.Count;
            using var pause = new PeriodicTimer(Period);
            while (left > 0)
            {
                await pause.WaitForNextTickAsync(context.Cancelled);
                var underWay = await ReadAsync(context);
                var now = moves.Count(move => underWay.ContainsKey(move.Partition));
                done(left - now);
                left = now;
            }
        });
}
