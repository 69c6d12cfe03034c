using System.Buffers;

namespace Loire.Protocol.Compression;

/// <summary>Shows a sequence to APIs that want a stream.</summary>
internal sealed class SequenceStream(ReadOnlySequence<byte> input) : OneWayStream
{
    private ReadOnlySequence<byte> _rest = input;

    public override bool CanRead => true;

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var count = (int)Math.Min(buffer.Length, _rest.Length);
        _rest.Slice(0, count).CopyTo(buffer);
        _rest = _rest.Slice(count);
        return count;
    }
}

/// <summary>Shows a buffer writer to APIs that want a stream.</summary>
internal sealed class BufferWriterStream(IBufferWriter<byte> output) : OneWayStream
{
    public override bool CanWrite => true;

    public override void Write(byte[] buffer, int offset, int count) => output.Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer) => output.Write(buffer);
}

/// <summary>What both have in common: nothing to seek, nothing to flush.</summary>
internal abstract class OneWayStream : Stream
{
    public override bool CanRead => false;
    public override bool CanWrite => false;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
