using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Loire.Protocol.Compression;

/// <summary>A contiguous output buffer over pooled arrays that grows up to a limit. Reusable; not thread-safe.</summary>
public sealed class PooledBuffer : IBufferWriter<byte>, IDisposable
{
    private const int SmallestSize = 256;

    private readonly int _limit;
    private byte[] _bytes = [];
    private int _written;

    /// <param name="limitSizeBytes">The most bytes that may be written.</param>
    public PooledBuffer(int limitSizeBytes = int.MaxValue)
    {
        _limit = Math.Min(limitSizeBytes, Array.MaxLength);
    }

    public int WrittenCount => _written;
    public int LimitSizeBytes => _limit;
    public ReadOnlySpan<byte> WrittenSpan => _bytes.AsSpan(0, _written);
    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, _written);

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _bytes.Length - _written);
        if (count > _limit - _written)
            ThrowLimit();
        _written += count;
    }

    /// <exception cref="CompressionException">The limit is reached.</exception>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <exception cref="CompressionException">The limit is reached.</exception>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureFree(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(_written, Math.Min(_bytes.Length, _limit) - _written);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        EnsureFree(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(_written));
        _written += bytes.Length;
    }

    /// <summary>Bytes written earlier, to be changed in place.</summary>
    public Span<byte> GetWritten(int start, int length) => _bytes.AsSpan(0, _written).Slice(start, length);

    public void Clear() => _written = 0;

    public void Dispose()
    {
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _written = 0;
    }

    private void EnsureFree(int count)
    {
        if (count > _limit - _written)
            ThrowLimit();
        if (count <= _bytes.Length - _written)
            return;
        var doubled = (int)Math.Min(Math.Max(2L * _bytes.Length, SmallestSize), _limit);
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(doubled, _written + count));
        _bytes.AsSpan(0, _written).CopyTo(larger);
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }

    [DoesNotReturn]
    private void ThrowLimit() => throw CompressionException.OverLimit(_limit);
}
