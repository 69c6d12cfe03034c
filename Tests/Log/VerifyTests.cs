using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Hashing;
using Loire.Tests.Standalone;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

/// <summary>Verification and repair on disks that cannot be written to, or not be read everywhere.</summary>
public sealed class VerifyTests
{
    private const int Batches = 100;
    private const int BatchBytes = 5000;
    private const int DiskMegabytes = 8;
    private const int SectorBytes = 4096;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_read_only_copy_is_verified_with_or_without_its_lock(bool hasLock)
    {
        using var disk = SmallDisk.TryMount(DiskMegabytes, out var whyNot);
        if (disk is null) Assert.Skip(whyNot);
        string data = Path.Combine(disk.Directory, "data");
        await FillAsync(data);
        if (!hasLock) File.Delete(Path.Combine(data, "lock"));
        disk.MakeReadOnly();

        var report = LogVerifier.Verify(data);

        report.IsIntact.ShouldBeTrue();
        report.Batches.ShouldBe(Batches);
        Should.Throw<LogStoreException>(() => LogRepairer.Repair(data)).Message.ShouldContain("written to");
    }

    [Fact]
    public async Task A_checkpoint_of_a_newer_release_is_no_damage_and_is_neither_used_nor_mended()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory.Path);
        string path = Checkpoint.PathIn(JournalDirectory.PathIn(directory.Path));
        byte[] newer = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        newer[sizeof(ulong)]++;
        BitConverter.TryWriteBytes(newer.AsSpan(^sizeof(uint)..), Crc32C.Compute(newer.AsSpan(..^sizeof(uint))));
        await File.WriteAllBytesAsync(path, newer, TestContext.Current.CancellationToken);

        foreach (var attempt in new Action[]
        {
            () => LogStore.Open(directory.Options),
            () => LogVerifier.Verify(directory.Path),
            () => LogRepairer.Repair(directory.Path),
        })
        {
            string refusal = Should.Throw<LogStoreException>(attempt).Message;
            refusal.ShouldContain($"{path} has version 2");
            refusal.ShouldEndWith("Start the newer release.");
        }
        (await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken)).ShouldBe(newer);
    }

    [Fact]
    public async Task A_directory_in_use_is_refused()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory.Path);
        await using var store = LogStore.Open(directory.Options);
        Should.Throw<LogStoreException>(() => LogVerifier.Verify(directory.Path)).Message.ShouldContain("in use");
    }

    [Fact]
    public async Task Sectors_that_cannot_be_read_are_told_of_with_all_else_and_a_repair_keeps_all_else()
    {
        using var directory = new TemporaryDirectory();
        await FillAsync(directory.Path);
        long unreadable = (1 << 18) + 100 * 1024;
        FailingFiles Open(string path, JournalGeometry geometry) => new(path, geometry, unreadable);

        var report = LogVerifier.Verify(directory.Path, progress: null, Open);
        var sector = report.Damages
            .Where(damage => damage.What.Contains("cannot be read", StringComparison.Ordinal)).ShouldHaveSingleItem();
        (sector.Address, sector.SizeBytes, sector.FileOffset).ShouldBe((unreadable, SectorBytes, 100 * 1024));
        sector.File.ShouldEndWith("0000000001.journal");
        sector.What.ShouldContain("broken sector");
        var loss = report.Losses.ShouldHaveSingleItem();
        (loss.Until.Value - loss.From.Value).ShouldBeInRange(1, 2);
        report.Batches.ShouldBe(Batches - (loss.Until.Value - loss.From.Value));

        LogRepairer.Repair(directory.Path, progress: null, Open).Losses.ShouldBe([loss]);
        LogVerifier.Verify(directory.Path).IsIntact.ShouldBeTrue();
        await using var store = LogStore.Open(directory.Options);
        store.Open(TestBatches.Partition(0), new RecordingObserver()).LogEndOffset.ShouldBe(new Offset(Batches));
    }

    [Fact]
    public async Task A_file_of_which_the_system_reads_nothing_is_damage_and_the_others_are_verified()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("a file that cannot be read is to be had on Linux");
        using var directory = new TemporaryDirectory();
        await FillAsync(directory.Path);
        string file = Path.Combine(directory.Journal, "0000000001.journal");
        File.Delete(file);
        File.CreateSymbolicLink(file, "/proc/self/mem");

        var report = LogVerifier.Verify(directory.Path);

        report.Damages.ShouldContain(damage => damage.File == file && damage.What.StartsWith("cannot be read"));
        report.Losses.ShouldHaveSingleItem().Until.Value.ShouldBeLessThan(Batches);
    }

    private static async Task FillAsync(string data)
    {
        using var directory = new TemporaryDirectory();
        await using var store = LogStore.Open(directory.Options with { DataDirectory = data });
        var log = store.Open(TestBatches.Partition(0), new RecordingObserver());
        for (int i = 0; i < Batches; i++)
            log.Append(store, TestBatches.Create(i, payloadBytes: BatchBytes));
    }

    private sealed class FailingFiles(string path, JournalGeometry geometry, long unreadable)
        : JournalFiles(path, geometry, NullLogger.Instance)
    {
        private bool _written;

        public override void Read(long address, Span<byte> destination)
        {
            if (address < unreadable + SectorBytes && unreadable < address + destination.Length && !_written)
                throw new IOException("broken sector");
            base.Read(address, destination);
        }

        /// <summary>A disk puts another sector in its place.</summary>
        public override void Overwrite(long address, ReadOnlySpan<byte> bytes)
        {
            _written |= address <= unreadable && unreadable + SectorBytes <= address + bytes.Length;
            base.Overwrite(address, bytes);
        }
    }
}
