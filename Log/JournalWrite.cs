using System.Buffers;
using FASTER.core;

namespace Loire.Log;

/// <summary>An entry on its way into FASTER's page: copied once, straight from where the caller has it.</summary>
internal unsafe struct JournalWrite : ILogEnqueueEntry
{
    public required JournalEntry Entry;
    public required ulong Seed;
    public required long Address;

    /// <summary>The payload's first bytes, fixed by the caller.</summary>
    public required byte* First;
    public required int FirstBytes;
    public required ReadOnlySequence<byte> Rest;

    /// <summary>Where the caller wants to know the entry's place in memory.</summary>
    public required nint* Position;

    public readonly int SerializedLength => JournalEntry.HeaderBytes + Entry.PayloadBytes;

    public readonly void SerializeTo(Span<byte> dest)
    {
        fixed (byte* start = dest)
            *Position = (nint)start;
        var payload = dest[JournalEntry.HeaderBytes..];
        new ReadOnlySpan<byte>(First, FirstBytes).CopyTo(payload);
        Rest.CopyTo(payload[FirstBytes..]);
        Entry.Write(dest, Seed, Address);
    }
}
