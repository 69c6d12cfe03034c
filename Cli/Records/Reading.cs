using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;

namespace Loire.Cli.Records;

/// <summary>Prints the records of partitions, until so many are printed or the end is reached.</summary>
internal sealed class Reading(CommandContext context, RecordPrinter printer, long max)
{
    private long _left = max;

    /// <param name="positions">Where to start; moved on as records are printed.</param>
    /// <param name="ends">Where to stop; null for nowhere.</param>
    /// <param name="commit">Called after each round that printed something.</param>
    /// <exception cref="OperationCanceledException">Between two rounds: all that is printed is committed.</exception>
    public async Task RunAsync(
        Dictionary<TopicPartition, Offset> positions,
        Dictionary<TopicPartition, Offset>? ends,
        Func<Task>? commit,
        CancellationToken stop)
    {
        var fetcher = new Fetcher(context.Client, new FetcherOptions());
        foreach (var (partition, position) in positions)
            fetcher.Assign(partition, position);
        if (positions.Count == 0 && ends is null)
            await Task.Delay(Timeout.Infinite, stop);

        while (_left > 0 && !IsAtEnd(positions, ends))
        {
            using var result = await fetcher.FetchAsync(stop);
            foreach (var fetched in result.Partitions)
                Print(fetched, positions, ends);
            // What no record lies in (markers, compacted batches) is passed as well.
            if (_left > 0)
                Advance(positions, fetcher, ends);
            await context.Output.Writer.FlushAsync(CancellationToken.None);
            if (commit is not null && result.Partitions.Any(fetched => !fetched.Batches.IsEmpty))
                await commit();
        }
    }

    private void Print(
        FetchedPartition fetched, Dictionary<TopicPartition, Offset> positions, Dictionary<TopicPartition, Offset>? ends)
    {
        var position = positions[fetched.Partition];
        var end = ends?[fetched.Partition];
        fetched.Read((in record) =>
        {
            if (_left == 0 || record.Offset < position || (end is { } last && record.Offset >= last))
                return;
            printer.Print(fetched.Partition, record);
            position = record.Offset + 1;
            _left--;
        });
        positions[fetched.Partition] = position;
    }

    private static void Advance(
        Dictionary<TopicPartition, Offset> positions, Fetcher fetcher, Dictionary<TopicPartition, Offset>? ends)
    {
        foreach (var (partition, position) in fetcher.Positions)
            positions[partition] = ends is null ? position : Offset.Min(position, Offset.Max(ends[partition], positions[partition]));
    }

    private static bool IsAtEnd(Dictionary<TopicPartition, Offset> positions, Dictionary<TopicPartition, Offset>? ends) =>
        ends is not null && positions.All(entry => entry.Value >= ends[entry.Key]);
}
