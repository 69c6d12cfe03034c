using Loire.Log;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class OpenFilesTests
{
    private const int Files = 200;
    private const int OpenAtMost = 160;

    [Fact]
    public async Task A_log_of_many_files_keeps_few_open_however_it_is_written_read_and_opened()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("open files are counted on Linux");
        using var directory = new TemporaryDirectory();
        var options = directory.Options with { SegmentBytes = 1 << 14, MemoryBytes = 1 << 14, MaxBatchBytes = 1 << 13 };
        byte[] expected;
        await using (var store = LogStore.Open(options))
        {
            var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
            for (int i = 0; i < Files * 2; i++)
                log.Append(store, TestBatches.Create(i, payloadBytes: 8000));
            Directory.EnumerateFiles(directory.Journal, "*.journal").Count().ShouldBeGreaterThan(Files);
            await Eventually.IsTrueAsync(
                () => CountOpen(directory) < 20, "few files are open", () => string.Join('\n', ListOpen(directory)));
            expected = log.ReadAll();
            CountOpen(directory).ShouldBeLessThan(OpenAtMost);
        }

        await using var reopened = LogStore.Open(options);
        CountOpen(directory).ShouldBeLessThan(20);
        var again = reopened.Open(TestBatches.Partition(0), new RecordingObserver());
        Parallel.For(0, 4, _ => again.ReadAll().AsSpan().SequenceEqual(expected).ShouldBeTrue());
        CountOpen(directory).ShouldBeLessThan(OpenAtMost);
    }

    private static int CountOpen(TemporaryDirectory directory) => ListOpen(directory).Count();

    private static IEnumerable<string> ListOpen(TemporaryDirectory directory) => Directory.EnumerateFiles("/proc/self/fd")
        .Select(file => new FileInfo(file).LinkTarget ?? "")
        .Where(target => target.StartsWith(directory.Path, StringComparison.Ordinal));
}
