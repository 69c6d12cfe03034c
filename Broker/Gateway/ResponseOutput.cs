using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Loire.Protocol.Records;
using Loire.Protocol.Wire;

namespace Loire.Broker.Gateway;

/// <summary>Takes one response at a time to a connection's output. Sources of records are kept and the bytes around them set
/// aside, so that <see cref="SendAsync"/> can send the sources from where they lie, as the client reads: a slow client holds a
/// few blocks of memory, not a whole Fetch answer.
/// <para>What the socket takes at once is sent from here, without a copy. What it does not take is copied into the pipe, a
/// stretch at a time, and the transport sends it when the client has read. The pipe is set up so that a flush is over
/// when all of it is sent: so whenever there is something to send here, the pipe is empty.</para></summary>
/// <param name="socket">Null where all goes through the pipe.</param>
internal sealed class ResponseOutput(PipeWriter pipe, SocketSink? socket, GatewayOptions options, GatewayClock clock) : IRecordsOutput
{
    /// <summary>A pipe that holds so much makes its writer wait until it holds nothing.</summary>
    public const int PipeBytesMax = 2;

    /// <summary>Small responses whose successors are ready are gathered up to this size.</summary>
    private const int GatheredBytesMax = 64 << 10;

    /// <summary>What is copied of a source at a time. Less costs a change of threads whenever the client reads slower than we
    /// copy, hence throughput.</summary>
    public const int StretchBytes = 16 * BlockMemoryPool.BlockBytes;

    /// <summary>More is not kept for the next response.</summary>
    private const int KeptAsideBytesMax = 4 << 10;

    private readonly List<Splice> _splices = [];
    private ArrayBufferWriter<byte> _aside = new();
    private long _dueMs = long.MaxValue;
    private bool _isPipeEmpty = true;

    /// <summary>When the client must have read what it is being sent, on the gateway's clock; long.MaxValue while nothing
    /// waits for it.</summary>
    public long DueMs => Volatile.Read(ref _dueMs);

    private SocketSink? Direct => _isPipeEmpty ? socket : null;

    public Memory<byte> GetMemory(int sizeHint = 0) => _aside.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => _aside.GetSpan(sizeHint);

    public void Advance(int count) => _aside.Advance(count);

    public void WriteRecords(IRecordsSource source) => _splices.Add(new Splice(source, _aside.WrittenCount));

    /// <summary>Sends the response, with those that were gathered before it, and releases its sources. Where
    /// <paramref name="flush"/> does not say so, a small response without sources is kept for the next one.</summary>
    /// <returns>False when nobody reads any more.</returns>
    /// <exception cref="IOException">A source could not be read: what was sent of the response is of no use.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> SendAsync(bool flush)
    {
        if (!flush && _splices.Count == 0 && _aside.WrittenCount < GatheredBytesMax) return true;
        try
        {
            var sent = 0;
            foreach (var (source, position) in _splices)
            {
                if (!await SendAsideAsync(sent, position) || !await SendSourceAsync(source)) return false;
                sent = position;
            }

            return await SendAsideAsync(sent, _aside.WrittenCount);
        }
        finally
        {
            Discard();
        }
    }

    /// <summary>Gives up the response: its sources are released unread.</summary>
    public void Discard()
    {
        foreach (var splice in _splices) splice.Source.Release();
        _splices.Clear();
        if (_aside.Capacity > KeptAsideBytesMax) _aside = new ArrayBufferWriter<byte>();
        else _aside.ResetWrittenCount();
    }

    private ValueTask<bool> SendAsideAsync(int start, int end)
    {
        var bytes = _aside.WrittenSpan[start..end];
        if (Direct is { } direct && !bytes.IsEmpty) bytes = bytes[direct.Take(bytes)..];
        if (bytes.IsEmpty) return ValueTask.FromResult(true);
        pipe.Write(bytes);
        return FlushAsync(bytes.Length);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> SendSourceAsync(IRecordsSource source)
    {
        for (var left = source.SizeBytes; left > 0;)
        {
            var isInMemory = false;
            var taken = 0;
            if (Direct is { } direct) isInMemory = source.TryGiveNext(direct, out taken);
            left -= taken;
            if (taken > 0) continue;

            // Where the socket is full, a little in the pipe is enough to be told when there is room for more.
            var copied = source.CopyNext(pipe, isInMemory ? BlockMemoryPool.BlockBytes : StretchBytes);
            left -= copied;
            if (!await FlushAsync(copied)) return false;
        }

        return true;
    }

    /// <summary>Waits until the transport has sent all that is in the pipe, unless that is less than makes it wait.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> FlushAsync(int sizeBytes)
    {
        var flushing = pipe.FlushAsync();
        if (!flushing.IsCompleted) Volatile.Write(ref _dueMs, clock.NowMs + options.SendTimeMaxMs(sizeBytes));
        var flushed = await flushing;
        Volatile.Write(ref _dueMs, long.MaxValue);
        _isPipeEmpty = sizeBytes >= PipeBytesMax;
        return !flushed.IsCompleted;
    }

    /// <summary>A source, and where the bytes after it start among those set aside.</summary>
    private readonly record struct Splice(IRecordsSource Source, int AsidePosition);
}
