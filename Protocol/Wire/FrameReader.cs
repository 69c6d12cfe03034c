using System.Buffers;
using System.Buffers.Binary;

namespace Loire.Protocol.Wire;

/// <summary>Cuts frames from a stream of bytes. A frame is all that TCP carries of the protocol:
/// <code>
/// 0               4                              4 + size
/// +---------------+------------------------------+
/// | size (int32)  | header and body, size bytes  |
/// +---------------+------------------------------+
/// </code></summary>
public static class FrameReader
{
    /// <summary>Bytes of the size field, which does not count itself.</summary>
    public const int SizeFieldBytes = sizeof(int);

    /// <summary>Looks for a whole frame at the start of <paramref name="input"/>.</summary>
    /// <param name="sizeMaxBytes">The largest size that a frame may announce.</param>
    /// <param name="frame">Header and body where a frame is complete: a slice of the input.</param>
    /// <param name="error">Why no frame can begin with these bytes: the stream cannot be followed any further.</param>
    public static FrameResult Read(
        ReadOnlySequence<byte> input, int sizeMaxBytes, out ReadOnlySequence<byte> frame, out string? error)
    {
        frame = default;
        error = null;
        Span<byte> sizeField = stackalloc byte[SizeFieldBytes];
        if (input.Length < SizeFieldBytes) return FrameResult.NeedMore;
        input.Slice(0, SizeFieldBytes).CopyTo(sizeField);
        int size = BinaryPrimitives.ReadInt32BigEndian(sizeField);
        if (size < 0) error = $"a frame of {size} bytes was announced";
        if (size > sizeMaxBytes) error = $"a frame of {size} bytes was announced; {sizeMaxBytes} are the most";
        if (error is not null) return FrameResult.Invalid;
        if (input.Length - SizeFieldBytes < size) return FrameResult.NeedMore;
        frame = input.Slice(SizeFieldBytes, size);
        return FrameResult.Frame;
    }
}

/// <summary>What <see cref="FrameReader"/> found.</summary>
public enum FrameResult
{
    /// <summary>The input ends before the frame does.</summary>
    NeedMore,
    Frame,

    /// <summary>The bytes are no frame, or one larger than allowed.</summary>
    Invalid,
}
