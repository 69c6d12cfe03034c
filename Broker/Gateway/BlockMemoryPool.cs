using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace Loire.Broker.Gateway;

/// <summary>The blocks that connections receive into and send from: pinned, and larger than Kestrel's 4 KB, so that a
/// produce of 1 MB takes 16 system calls instead of 256. Blocks in use are bounded by the gateway's limits, blocks kept
/// for use by <see cref="KeptBytesMax"/>; those that nobody needed for a while are left to the garbage collector.</summary>
internal sealed class BlockMemoryPool : MemoryPool<byte>
{
    public const int BlockBytes = 64 << 10;
    private const int KeptBytesMax = 64 << 20;

    /// <summary>So few are kept whatever happens.</summary>
    private const int KeptBlocksMin = 16;
    private static readonly TimeSpan TrimPeriod = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();

    /// <summary>Last in, first out: the block used last is the one in the processor's cache.</summary>
    private readonly Stack<Block> _kept = new();
    private readonly ITimer _trimming;
    private int _leastKept;

    public BlockMemoryPool(TimeProvider time) =>
        _trimming = time.CreateTimer(static self => ((BlockMemoryPool)self!).Trim(), this, TrimPeriod, TrimPeriod);

    public override int MaxBufferSize => BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        lock (_lock)
        {
            if (_kept.TryPop(out var block))
            {
                _leastKept = Math.Min(_leastKept, _kept.Count);
                return block;
            }
        }

        return new Block(this);
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        _trimming.Dispose();
        lock (_lock) _kept.Clear();
    }

    private void Return(Block block)
    {
        lock (_lock)
        {
            if (_kept.Count < KeptBytesMax / BlockBytes) _kept.Push(block);
        }
    }

    /// <summary>Gives up the blocks that lay unused since the last time.</summary>
    private void Trim()
    {
        int unused;
        lock (_lock)
        {
            unused = Math.Min(_leastKept, _kept.Count - KeptBlocksMin);
            for (var i = 0; i < unused; i++) _kept.Pop();
            _kept.TrimExcess();
            _leastKept = _kept.Count;
        }

        // An idle broker allocates nothing, so nothing else would make the collector return them to the system.
        if (unused * (long)BlockBytes > KeptBytesMax / 8) GC.Collect(2, GCCollectionMode.Forced, blocking: false);
    }

    private sealed class Block(BlockMemoryPool pool) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } =
            MemoryMarshal.CreateFromPinnedArray(GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true), 0, BlockBytes);

        public void Dispose() => pool.Return(this);
    }
}

/// <summary>Gives Kestrel the one pool of the gateway; whoever made the pool disposes it.</summary>
internal sealed class BlockMemoryPoolFactory(BlockMemoryPool pool) : IMemoryPoolFactory<byte>
{
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => pool;
}
