using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Loire.Bench.Statistics;

/// <summary>Waits for points in time on the caller's thread. It never spins: on a machine of two cores that is taken from what
/// is measured. The kernel may end a sleep some 50 microseconds late.</summary>
public static partial class Pacer
{
    /// <summary>Returns at <paramref name="start"/> plus <paramref name="offset"/>, or at once where that has passed.</summary>
    /// <returns>The timestamp waited for, never a later one: who measures from it counts its own delay too.</returns>
    public static long WaitUntil(long start, TimeSpan offset)
    {
        var due = start + (long)(offset.TotalSeconds * Stopwatch.Frequency);
        while (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due) is var left && left > TimeSpan.Zero) Sleep(left);
        return due;
    }

    /// <summary><see cref="Thread.Sleep(TimeSpan)"/> counts in whole milliseconds, which is longer than a write takes.</summary>
    private static void Sleep(TimeSpan duration)
    {
        var request = new TimeSpec
        {
            Seconds = (nint)(duration.Ticks / TimeSpan.TicksPerSecond),
            Nanoseconds = (nint)(duration.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick),
        };
        // A signal ends the sleep early; the caller then sleeps again for what is left.
        _ = nanosleep(in request, 0);
    }

    [LibraryImport("libc")]
    private static partial int nanosleep(in TimeSpec request, nint remaining);

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
