using System.Diagnostics;
using System.Runtime.InteropServices;
using Loire.Log;
using Microsoft.Win32.SafeHandles;

namespace Loire.Bench.Journal;

/// <summary>What the disk gives when it is written past the page cache and each write is synced: into space that was only
/// claimed, as the journal's is, and into space that was written before.</summary>
internal static unsafe class RawDisk
{
    private const int FileBytes = 256 << 20;

    public static void Measure(string directory)
    {
        string path = Path.Combine(directory, "raw");
        foreach (bool written in new[] { false, true })
        {
            foreach (int size in new[] { 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20 })
            {
                File.Delete(path);
                using (var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite))
                    NativeFile.Allocate(file, path, FileBytes);
                using var writes = NativeFile.OpenForSyncedWrites(path, out bool direct);
                if (written)
                    Write(writes, 4 << 20, FileBytes / (4 << 20));
                var times = Write(writes, size, Math.Min(FileBytes / size, 500));
                double total = times.Sum();
                times.Sort();
                Console.WriteLine(
                    $"raw synced writes of {size >> 10,4} KB, {(written ? "written" : "claimed")} space{(direct ? "" : " (buffered)")}: " +
                    $"{(long)size * times.Count / total / 1e3,6:0} MB/s  p50 {times[times.Count / 2]:0.000} ms  " +
                    $"p99 {times[times.Count * 99 / 100]:0.000} ms");
            }
        }
    }

    private static List<double> Write(SafeFileHandle file, int size, int count)
    {
        void* memory = NativeMemory.AlignedAlloc((nuint)size, 4096);
        var bytes = new Span<byte>(memory, size);
        new Random(1).NextBytes(bytes);
        var times = new List<double>(count);
        for (int i = 0; i < count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            RandomAccess.Write(file, bytes, (long)i * size);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        NativeMemory.AlignedFree(memory);
        return times;
    }
}
