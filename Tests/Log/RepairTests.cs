using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

/// <summary>Files of the journal that are missing, or hold nothing that is whole.</summary>
public sealed class RepairTests
{
    private const int Batches = 200;
    private const int BatchBytes = 5000;
    private const int LastSegment = 4;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, true)]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(1, false)]
    [InlineData(LastSegment, true)]
    [InlineData(LastSegment, false)]
    public async Task Of_a_journal_without_one_file_all_others_are_kept(int segment, bool isMissing)
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory, Batches);
        int[] kept = [.. Scan(directory).Where(place => place.Segment != segment).Select(place => (int)place.Offset)];
        await DestroyAsync(directory, segment, isMissing);

        var loss = LogRepairer.Repair(directory.Path).Losses.ShouldHaveSingleItem();
        (loss.Until.Value - loss.From.Value).ShouldBe(Batches - kept.Length);
        LogVerifier.Verify(directory.Path).IsIntact.ShouldBeTrue();

        bool isEnd = segment == LastSegment;
        var expected = kept.ToList();
        for (int round = 0; round < 2; round++)
        {
            await using var store = LogStore.Open(directory.Options);
            var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
            Read(log).ShouldBe(expected, $"round {round}");
            store.DamagedPartitions.Count.ShouldBe(isEnd ? 0 : 1);
            for (int i = 0; i < Batches; i++)
            {
                expected.Add((int)log.LogEndOffset.Value);
                log.Append(store, TestBatches.Create(log.LogEndOffset.Value, payloadBytes: BatchBytes));
            }
            Read(log).ShouldBe(expected, $"round {round}");
        }
    }

    [Fact]
    public async Task Without_anything_whole_behind_a_missing_file_the_journal_ends_there_and_no_remains_are_left()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory, Batches);
        int[] kept = [.. Scan(directory).Where(place => place.Segment < 1).Select(place => (int)place.Offset)];
        await DestroyAsync(directory, 1, isMissing: true);
        for (int segment = 2; segment <= LastSegment; segment++)
            await DestroyAsync(directory, segment, isMissing: false);
        byte[] destroyed = await File.ReadAllBytesAsync(JournalFile(directory, LastSegment), Cancelled);

        LogRepairer.Repair(directory.Path);

        Directory.EnumerateFiles(directory.Journal, "*.journal").ShouldBe([JournalFile(directory, 0)]);
        Directory.EnumerateFiles(directory.Journal, "*.index").Count().ShouldBe(1);
        string cut = Directory.EnumerateFiles(Path.Combine(directory.Path, "journal-cut")).ShouldHaveSingleItem();
        (await File.ReadAllBytesAsync(cut, Cancelled)).AsSpan().EndsWith(destroyed).ShouldBeTrue();
        LogVerifier.Verify(directory.Path).IsIntact.ShouldBeTrue();
        await using var store = LogStore.Open(directory.Options);
        Read(store.Open(TestBatches.Partition(0), new RecordingObserver())).ShouldBe(kept);
    }

    [Fact]
    public async Task A_log_whose_last_records_were_cut_out_of_the_middle_of_the_journal_counts_as_damaged()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory, Batches / 3);
        await using (var store = LogStore.Open(directory.Options))
        {
            var other = store.Open(TestBatches.Partition(1), new RecordingObserver());
            for (int i = 0; i < Batches; i++)
                other.Append(store, TestBatches.Create(i, payloadBytes: BatchBytes));
        }
        await DestroyAsync(directory, 1, isMissing: false);

        LogRepairer.Repair(directory.Path);

        await using var reopened = LogStore.Open(directory.Options);
        reopened.Open(TestBatches.Partition(0), new RecordingObserver()).LogEndOffset.ShouldBe(new Offset(Batches / 3));
        reopened.DamagedPartitions.ShouldContain(TestBatches.Partition(0));
    }

    [Fact]
    public async Task A_repair_that_was_interrupted_leaves_no_index_of_what_it_cuts_and_another_one_keeps_what_it_kept()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory, Batches);
        await DestroyAsync(directory, 1, isMissing: true);
        await FlipAsync(JournalFile(directory, 2), 100_000);
        string obstacle = Directory.CreateDirectory(JournalFile(directory, 1) + ".new").FullName;

        Should.Throw<UnauthorizedAccessException>(() => LogRepairer.Repair(directory.Path));
        for (int segment = 0; segment <= 2; segment++)
            File.Exists(Path.ChangeExtension(JournalFile(directory, segment), ".index")).ShouldBeFalse();
        Should.Throw<LogStoreException>(() => LogStore.Open(directory.Options));
        string cut = Path.Combine(directory.Path, "journal-cut");
        var before = Directory.EnumerateFiles(cut).ToDictionary(file => file, File.ReadAllBytes);
        before.Count.ShouldBe(2);

        Directory.Delete(obstacle);
        LogRepairer.Repair(directory.Path);
        LogVerifier.Verify(directory.Path).IsIntact.ShouldBeTrue();
        Directory.EnumerateFiles(cut).Count().ShouldBeGreaterThan(before.Count);
        foreach (var (file, bytes) in before)
            (await File.ReadAllBytesAsync(file, Cancelled)).ShouldBe(bytes);
    }

    private static async Task FillAsync(TemporaryDirectory directory, int batches)
    {
        await using var store = LogStore.Open(directory.Options);
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        for (int i = 0; i < batches; i++)
            log.Append(store, TestBatches.Create(i, payloadBytes: BatchBytes));
    }

    /// <summary>The batches of the journal, and in which segment each lies.</summary>
    private static List<(long Offset, int Segment)> Scan(TemporaryDirectory directory)
    {
        using var files = JournalSurvey.Open(directory.Path).Files;
        var scanner = new JournalScanner(files, JournalGeometry.FirstAddress, nextSequence: 0);
        var places = new List<(long, int)>();
        while (scanner.MoveNext())
        {
            if (scanner.Entry.Kind == EntryKind.Append)
                places.Add((RecordBatchHeader.Read(scanner.Payload).BaseOffset.Value, files.Geometry.SegmentOf(scanner.Address)));
        }
        places[^1].Item2.ShouldBe(LastSegment);
        return places;
    }

    private static List<int> Read(IPartitionLog log)
    {
        byte[] bytes = log.ReadAll();
        int size = RecordBatchHeader.SizeBytes + BatchBytes;
        var offsets = new List<int>();
        for (int at = 0; at < bytes.Length; at += size)
        {
            int offset = (int)RecordBatchHeader.Read(bytes.AsSpan(at)).BaseOffset.Value;
            bytes.AsSpan(at, size).SequenceEqual(TestBatches.Create(offset, payloadBytes: BatchBytes)).ShouldBeTrue();
            offsets.Add(offset);
        }
        return offsets;
    }

    private static async Task DestroyAsync(TemporaryDirectory directory, int segment, bool isMissing)
    {
        string file = JournalFile(directory, segment);
        byte[] garbage = new byte[new FileInfo(file).Length];
        new Random(segment).NextBytes(garbage);
        if (isMissing)
            File.Delete(file);
        else
            await File.WriteAllBytesAsync(file, garbage, Cancelled);
    }

    private static async Task FlipAsync(string file, int position)
    {
        byte[] bytes = await File.ReadAllBytesAsync(file, Cancelled);
        bytes[position] ^= 4;
        await File.WriteAllBytesAsync(file, bytes, Cancelled);
    }

    private static string JournalFile(TemporaryDirectory directory, int segment) =>
        Path.Combine(directory.Journal, $"{segment:D10}.journal");
}
