using System.IO.Compression;
using System.Text;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log.Golden;

/// <summary>Makes the data directory that <see cref="GoldenTests"/> reads: one that was repaired once, and then left by
/// kill -9. It is made once for each format, by
/// <code>LOIRE_MAKE_GOLDEN=1 ./test --filter FullyQualifiedName~GoldenMaker</code>
/// A new format gets a file of its own, with the new number; the files of earlier formats stay as they are, for every later
/// version has to read them.</summary>
public sealed class GoldenMaker
{
    private const string Busy = "orders";
    private const int BusyPartition = 1;
    private const int MoreThanASegment = 20;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static bool IsWanted => Environment.GetEnvironmentVariable("LOIRE_MAKE_GOLDEN") == "1";

    [Fact(Skip = "is run by hand, for a new format alone: it makes the file that GoldenTests reads", SkipUnless = nameof(IsWanted))]
    public async Task Make()
    {
        using var directory = new TemporaryDirectory();
        await using (var broker = GoldenBroker.Open(directory.Path))
            await FillAsync(broker, directory);
        await RepairAsync(directory);
        await using var killed = GoldenBroker.Open(directory.Path);
        await GoOnAsync(killed);
        await PackAsync(directory, Path.Combine(Repository.Root, "Tests", "Log", "Golden", "format-1.zip"));
    }

    /// <summary>All that a checkpoint and indexes know of.</summary>
    private static async Task FillAsync(GoldenBroker broker, TemporaryDirectory directory)
    {
        await broker.CreateTopicAsync("orders", 3, ("retention.ms", "-1"));
        await AppendBusyUntilAsync(broker, () => !File.Exists(Path.Combine(directory.Journal, "0000000000.journal")));

        await broker.CreateTopicAsync("audit", 1, ("cleanup.policy", "compact"));
        await broker.CreateTopicAsync("dropped", 1);
        var audit = new ConfigResource(ConfigResourceType.Topic, "audit");
        await broker.Catalog.CreatePartitionsAsync(new TopicName("audit"), 2, null, validateOnly: false, Cancelled);
        await SetAsync(broker, audit, "max.message.bytes", "100000");
        await SetAsync(broker, new ConfigResource(ConfigResourceType.Broker, ""), "log.retention.bytes", "77");
        (await broker.ProducerIds.NextAsync(Cancelled)).ShouldBe(new ProducerId(0));

        await broker.SendAsync("orders", 0, GoldenBroker.ProducerId, sequence: 0);
        await broker.SendAsync("orders", 0, GoldenBroker.ProducerId, sequence: 2);
        await broker.AppendAsync("orders", BusyPartition, MoreThanASegment);
        await broker.AppendAsync("orders", 2, batches: 5);
        broker.Truncate("orders", 2, epoch: 1, end: 6);
        broker.Lead("orders", 2, epoch: 2);
        await broker.AppendAsync("orders", BusyPartition, MoreThanASegment);
        await broker.AppendAsync("orders", 2, batches: 2);
        await broker.AppendAsync("dropped", 0, batches: 2);
        await broker.DeleteTopicAsync("dropped");
        broker.Lead("orders", 0, epoch: 3);
        await broker.SendAsync("orders", 0, GoldenBroker.ProducerId, sequence: 4);
        await AppendBusyUntilAsync(broker, () => Directory.EnumerateFiles(directory.Journal, "*.journal").Any(HasHoles));

        var left = GoldenTests.BusyEnd - broker.Find(Busy, BusyPartition).LogEndOffset.Value;
        left.ShouldBeGreaterThan(0, "the numbers in the tests are too small");
        await broker.AppendAsync("orders", BusyPartition, (int)left / 2);
        Delete(broker, GoldenTests.BusyEnd - 4);
        // Among others that are wanted, so that what a repair leaves of it is not given back.
        await broker.AppendAsync("audit", 1, MoreThanASegment);
        await broker.AppendAsync("audit", 0, batches: 3);
        await broker.AppendAsync("audit", 1, MoreThanASegment);
    }

    /// <summary>A bit of the second batch of audit-0 flips, and a repair cuts the batch out.</summary>
    private static async Task RepairAsync(TemporaryDirectory directory)
    {
        foreach (var file in Directory.EnumerateFiles(directory.Journal, "*.journal"))
        {
            var bytes = await File.ReadAllBytesAsync(file, Cancelled);
            var found = bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes("audit-0 2 "));
            if (found < 0) continue;
            bytes[found] ^= 1;
            await File.WriteAllBytesAsync(file, bytes, Cancelled);
        }

        LogRepairer.Repair(directory.Path).Losses.ShouldHaveSingleItem();
    }

    /// <summary>What only a replay of the journal's tail brings back.</summary>
    private static async Task GoOnAsync(GoldenBroker broker)
    {
        broker.Lead("orders", 0, epoch: 5);
        await broker.SendAsync("orders", 0, GoldenBroker.ProducerId, sequence: 6);
        broker.Truncate("orders", 2, epoch: 6, end: 8);
        broker.Lead("orders", 2, epoch: 7);
        await broker.AppendAsync("orders", 2, batches: 1);
        Delete(broker, GoldenTests.BusyEnd - 2);
        await broker.CreateTopicAsync("dropped-late", 1);
        await broker.AppendAsync("dropped-late", 0, batches: 1);
        await broker.DeleteTopicAsync("dropped-late");
        await broker.CreateTopicAsync("late", 1);
        await broker.AppendAsync("late", 0, batches: 1);
    }

    /// <summary>Checkpoints are taken, and what they make dead is given back, as segments become full.</summary>
    private static Task AppendBusyUntilAsync(GoldenBroker broker, Func<bool> isReached) => Eventually.AnswersAsync(
        async () =>
        {
            await broker.AppendAsync(Busy, BusyPartition, batches: 1);
            Delete(broker, broker.Find(Busy, BusyPartition).LogEndOffset.Value);
            return isReached();
        },
        reached => reached);

    private static void Delete(GoldenBroker broker, long end) =>
        broker.Find(Busy, BusyPartition).DeleteRecords(new Offset(end)).Error.ShouldBe(ErrorCode.None);

    private static Task SetAsync(GoldenBroker broker, ConfigResource resource, string name, string value) =>
        broker.Catalog.AlterConfigsAsync(resource, overrides => overrides.SetItem(name, value), validateOnly: false, Cancelled);

    private static bool HasHoles(string path)
    {
        using var file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
        return NativeFile.CountBytes(file) < RandomAccess.GetLength(file);
    }

    /// <summary>What kill -9 would leave now.</summary>
    private static async Task PackAsync(TemporaryDirectory directory, string path)
    {
        using var left = directory.Copy();
        foreach (var file in Directory.EnumerateFiles(directory.Path).Where(file => Path.GetFileName(file) != "lock"))
            File.Copy(file, Path.Combine(left.Path, Path.GetFileName(file)));
        File.Delete(path);
        await ZipFile.CreateFromDirectoryAsync(left.Path, path, CompressionLevel.SmallestSize, includeBaseDirectory: false, Cancelled);
    }
}
