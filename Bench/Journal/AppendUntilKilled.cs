using Loire.Log;

namespace Loire.Bench.Journal;

/// <summary>Appends to a log and says on its output what is durable, until it is killed: the victim of the tests that
/// check what a killed process leaves.</summary>
internal static class AppendUntilKilled
{
    private const int Partitions = 3;

    /// <summary>Writes a line "partition log-end" each time an end is durable.</summary>
    public static async Task RunAsync(string directory)
    {
        await using var store = LogStore.Open(
            new LogStoreOptions { DataDirectory = directory, SegmentBytes = 1 << 20, MemoryBytes = 1 << 20, MaxBatchBytes = 1 << 16 });
        var partitions = Enumerable.Range(0, Partitions)
            .Select(index => new BenchPartition(store, index, 10_000 * (index + 1)))
            .ToArray();
        await Task.WhenAll(partitions.Select((partition, index) => Task.Run(async () =>
        {
            while (true)
            {
                var end = partition.Log.LogEndOffset + 1;
                await partition.AppendAsync();
                await Console.Out.WriteLineAsync($"{index} {end}");
            }
        })));
    }
}
