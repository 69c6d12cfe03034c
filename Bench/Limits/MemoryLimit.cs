using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Loire.Bench.Limits;

/// <summary>What one core copies and what it checksums, over more bytes than its caches hold.</summary>
public static class MemoryLimit
{
    private const int AreaBytes = 256 << 20;
    private const int PieceBytes = 1 << 20;

    /// <returns>MB/s copied (each byte counts once).</returns>
    public static double MeasureCopy(TimeSpan duration)
    {
        var source = new byte[AreaBytes];
        var target = new byte[AreaBytes];
        source.AsSpan().Fill(1);
        return Measure(duration, position => source.AsSpan(position, PieceBytes).CopyTo(target.AsSpan(position)));
    }

    /// <returns>MB/s of CRC-32C with the processor's own instruction, one after the other.</returns>
    public static double MeasureChecksum(TimeSpan duration)
    {
        var source = new byte[AreaBytes];
        source.AsSpan().Fill(1);
        var crc = 0u;
        var speed = Measure(duration, position =>
        {
            foreach (var word in MemoryMarshal.Cast<byte, ulong>(source.AsSpan(position, PieceBytes)))
            {
                crc = BitOperations.Crc32C(crc, word);
            }
        });
        GC.KeepAlive(crc);
        return speed;
    }

    private static double Measure(TimeSpan duration, Action<int> piece)
    {
        // The first round brings the pages in and the code to its optimised form.
        for (var position = 0; position < AreaBytes; position += PieceBytes)
        {
            piece(position);
        }

        long total = 0;
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            piece((int)(total % AreaBytes));
            total += PieceBytes;
        }

        return total / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
