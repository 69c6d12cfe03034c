using System.Buffers;
using System.IO.Pipelines;

namespace Loire.Cli.Records;

/// <summary>Reads lines as bytes, without their line ends.</summary>
internal sealed class LineReader(Stream input) : IAsyncDisposable
{
    private readonly PipeReader _reader = PipeReader.Create(input, new StreamPipeReaderOptions(bufferSize: 64 * 1024));
    private Task? _abandoned;
    private SequencePosition _consumed;
    private byte[] _joined = [];
    private bool _started;

    /// <summary>The next line, valid until the next call; null at the end.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        if (_started)
            _reader.AdvanceTo(_consumed);
        while (true)
        {
            var result = await FillAsync(cancellationToken);
            _started = true;
            var buffer = result.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                _consumed = buffer.GetPosition(1, end);
                return TrimReturn(Contiguous(buffer.Slice(0, end)));
            }
            if (result.IsCompleted)
            {
                _consumed = buffer.End;
                return buffer.IsEmpty ? default(ReadOnlyMemory<byte>?) : TrimReturn(Contiguous(buffer));
            }
            _reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>A read that nobody waits for any more keeps the memory that it may write to.</summary>
    public ValueTask DisposeAsync() => _abandoned is { IsCompleted: false } ? ValueTask.CompletedTask : _reader.CompleteAsync();

    /// <summary>A read of a terminal or a pipe does not end when it is cancelled, hence is left behind.</summary>
    private async ValueTask<ReadResult> FillAsync(CancellationToken cancellationToken)
    {
        var read = _reader.ReadAsync(cancellationToken);
        if (read.IsCompleted)
            return await read;
        var reading = read.AsTask();
        try
        {
            return await reading.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            _abandoned = reading;
            throw;
        }
    }

    private ReadOnlyMemory<byte> Contiguous(ReadOnlySequence<byte> line)
    {
        if (line.IsSingleSegment)
            return line.First;
        var length = checked((int)line.Length);
        if (_joined.Length < length)
            _joined = new byte[Math.Max(length, 2 * _joined.Length)];
        line.CopyTo(_joined);
        return _joined.AsMemory(0, length);
    }

    private static ReadOnlyMemory<byte> TrimReturn(ReadOnlyMemory<byte> line) =>
        !line.IsEmpty && line.Span[^1] == '\r' ? line[..^1] : line;
}
