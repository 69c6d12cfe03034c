using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Loire.Bench.Statistics;

/// <summary>Waits for points in time on the caller's thread, to some microseconds and without holding a core.</summary>
public static partial class Pacer
{
    /// <summary>The kernel may end a sleep this much late; the rest is spun away.</summary>
    private static readonly TimeSpan SleepSlack = TimeSpan.FromMicroseconds(120);

    /// <summary>Returns at <paramref name="start"/> plus <paramref name="offset"/>, or at once where that has passed.</summary>
    /// <returns>The timestamp waited for, never a later one: who measures from it counts its own delay too.</returns>
    public static long WaitUntil(long start, TimeSpan offset)
    {
        var due = start + (long)(offset.TotalSeconds * Stopwatch.Frequency);
        while (true)
        {
            var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            if (left <= TimeSpan.Zero)
            {
                return due;
            }

            if (left > SleepSlack)
            {
                Sleep(left - SleepSlack);
            }
            else
            {
                Thread.SpinWait(10);
            }
        }
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
