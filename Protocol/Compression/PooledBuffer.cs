using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Loire.Protocol.Compression;

/// <summary>A contiguous output buffer over arrays, pooled unless large, that grows up to a limit. Reusable; not thread-safe.</summary>
public sealed class PooledBuffer : IBufferWriter<byte>, IDisposable
{
    private const int SmallestSize = 256;

    /// <summary>The pool keeps arrays for each thread: hundreds of megabytes would stay with every thread that needed them
    /// once.</summary>
    private const int PooledBytesMax = 32 << 20;

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
        Return(_bytes);
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
        var larger = Rent(Math.Max(doubled, _written + count));
        _bytes.AsSpan(0, _written).CopyTo(larger);
        Return(_bytes);
        _bytes = larger;
    }

    private static byte[] Rent(int size) =>
        size <= PooledBytesMax ? ArrayPool<byte>.Shared.Rent(size) : GC.AllocateUninitializedArray<byte>(size);

    private static void Return(byte[] bytes)
    {
        if (bytes.Length is > 0 and <= PooledBytesMax)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    [DoesNotReturn]
    private void ThrowLimit() => throw CompressionException.OverLimit(_limit);
}
