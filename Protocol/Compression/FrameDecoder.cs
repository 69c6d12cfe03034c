using System.Buffers;
using System.Runtime.InteropServices;
using Loire.Protocol.Records;

namespace Loire.Protocol.Compression;

/// <summary>A library's decoder of frames that follow each other, fed piece by piece.</summary>
internal abstract class FrameDecoder(CompressionCodec codec, int readSize) : SafeHandle(0, ownsHandle: true)
{
    public sealed override bool IsInvalid => handle == 0;

    /// <summary>Appends what the frames decompress to; the output's limit bounds it.</summary>
    public void Run(in ReadOnlySequence<byte> input, PooledBuffer output)
    {
        Reset();
        var expected = nuint.MaxValue;
        foreach (var segment in input)
        {
            if (!segment.IsEmpty)
                expected = Run(segment.Span, output);
        }
        if (expected != 0)
            CompressionException.ThrowDamaged(codec, "its last frame is cut short");
    }

    /// <summary>Forgets a frame that was not finished.</summary>
    protected abstract void Reset();

    /// <summary>Decodes as much as there is input and room for.</summary>
    /// <returns>How much input the decoder still wants; 0 at the end of a frame.</returns>
    /// <exception cref="CompressionException">The input is damaged.</exception>
    protected abstract nuint Decode(ReadOnlySpan<byte> input, Span<byte> output, out int consumed, out int produced);

    private nuint Run(ReadOnlySpan<byte> input, PooledBuffer output)
    {
        Span<byte> overrun = stackalloc byte[1];
        while (true)
        {
            // Once the limit is reached, one byte more tells an exact fit from an overrun.
            var free = output.LimitSizeBytes - output.WrittenCount;
            var target = free == 0 ? overrun : output.GetSpan(Math.Min(free, readSize));
            var expected = Decode(input, target, out var consumed, out var produced);
            if (free == 0 && produced > 0)
                throw CompressionException.OverLimit(output.LimitSizeBytes);
            output.Advance(produced);
            input = input[consumed..];
            var drained = produced < target.Length;
            if (input.IsEmpty && (drained || expected == 0) || consumed == 0 && produced == 0)
                return expected;
        }
    }
}
