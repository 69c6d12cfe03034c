using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Loire.Protocol.Records;
using Loire.Protocol.Wire;

namespace Loire.Broker.Gateway;

/// <summary>Takes one response at a time to a connection's output. What comes before the first source of records is
/// written straight into the pipe. From there on, sources are kept and the bytes between them set aside, so that
/// <see cref="SendAsync"/> can copy the sources stretch by stretch as the client reads: a slow client holds a few blocks
/// of memory, not a whole Fetch answer. A source is copied once, from where it lies into the pipe.</summary>
internal sealed class ResponseOutput(PipeWriter pipe, GatewayOptions options, GatewayClock clock) : IRecordsOutput
{
    /// <summary>Unflushed bytes beyond which the client's reading is waited for before more is copied.</summary>
    private const int FlushThresholdBytes = 64 << 10;

    /// <summary>What is copied of a source at a time: while one stretch is sent the next is copied. Less costs a change of
    /// threads whenever the client reads slower than we copy, hence throughput.</summary>
    public const int StretchBytes = 16 * BlockMemoryPool.BlockBytes;

    /// <summary>More is not kept for the next response.</summary>
    private const int KeptAsideBytesMax = 4 << 10;

    private readonly List<Splice> _splices = [];
    private ArrayBufferWriter<byte>? _aside;
    private long _unflushedBytes;
    private long _dueMs = long.MaxValue;

    /// <summary>When the client must have read what it is being sent, on the gateway's clock; long.MaxValue while nothing
    /// waits for it.</summary>
    public long DueMs => Volatile.Read(ref _dueMs);

    public Memory<byte> GetMemory(int sizeHint = 0) =>
        _splices.Count == 0 ? pipe.GetMemory(sizeHint) : _aside!.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) =>
        _splices.Count == 0 ? pipe.GetSpan(sizeHint) : _aside!.GetSpan(sizeHint);

    public void Advance(int count)
    {
        if (_splices.Count == 0)
        {
            pipe.Advance(count);
            _unflushedBytes += count;
        }
        else
        {
            _aside!.Advance(count);
        }
    }

    public void WriteRecords(IRecordsSource source)
    {
        _aside ??= new ArrayBufferWriter<byte>();
        _splices.Add(new Splice(source, _aside.WrittenCount));
    }

    /// <summary>Copies the response's sources, releases them, and flushes where <paramref name="flush"/> says so or much
    /// has gathered.</summary>
    /// <returns>False when nobody reads any more.</returns>
    /// <exception cref="IOException">A source could not be read: what was sent of the response is of no use.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> SendAsync(bool flush)
    {
        try
        {
            for (var i = 0; i < _splices.Count; i++)
            {
                var source = _splices[i].Source;
                for (int left = source.SizeBytes, copied; left > 0; left -= copied)
                {
                    copied = source.CopyNext(pipe, StretchBytes);
                    _unflushedBytes += copied;
                    if (_unflushedBytes >= FlushThresholdBytes && !await FlushAsync()) return false;
                }

                var end = i + 1 < _splices.Count ? _splices[i + 1].AsidePosition : _aside!.WrittenCount;
                pipe.Write(_aside!.WrittenSpan[_splices[i].AsidePosition..end]);
                _unflushedBytes += end - _splices[i].AsidePosition;
            }
        }
        finally
        {
            ReleaseSources();
        }

        return (!flush && _unflushedBytes < FlushThresholdBytes) || await FlushAsync();
    }

    /// <summary>Gives up the response: its sources are released unread.</summary>
    public void Discard() => ReleaseSources();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> FlushAsync()
    {
        var flushing = pipe.FlushAsync();
        if (!flushing.IsCompleted) Volatile.Write(ref _dueMs, clock.NowMs + options.SendTimeMaxMs(_unflushedBytes));
        _unflushedBytes = 0;
        var flushed = await flushing;
        Volatile.Write(ref _dueMs, long.MaxValue);
        return !flushed.IsCompleted;
    }

    private void ReleaseSources()
    {
        foreach (var splice in _splices) splice.Source.Release();
        _splices.Clear();
        if (_aside?.Capacity > KeptAsideBytesMax) _aside = null;
        _aside?.ResetWrittenCount();
    }

    /// <summary>A source, and where the bytes after it start among those set aside.</summary>
    private readonly record struct Splice(IRecordsSource Source, int AsidePosition);
}
