using FASTER.core;

namespace Loire.Log;

/// <summary>FASTER's storage for the journal. Flushes are cut into pieces that a few threads of its own write at the same
/// time, so that a large flush uses the disk's whole width; a small one is written by the first thread that is free.
/// Between small ones an idle thread writes zeros ahead of them. A write that failed is never tried again: what the disk
/// kept of it is unknown.</summary>
internal sealed unsafe class JournalDevice : StorageDeviceBase
{
    private const int WriterThreads = 3;

    /// <summary>Each synced write costs the file system a commit of its own: four of 1 MB take twice as long as one of
    /// 4 MB.</summary>
    private const int PieceBytes = 4 << 20;
    private const uint FailedWrite = 1;

    private readonly JournalFiles _files;
    private readonly Queue<Piece> _pieces = new();
    private readonly ZerosAhead _zeros;
    private readonly Stack<Flush> _free = new();
    private readonly Thread[] _writers;
    private Exception? _failure;
    private int _underWay;
    private bool _stopping;

    public JournalDevice(JournalFiles files)
        : base(files.Directory, JournalGeometry.SectorBytes, Devices.CAPACITY_UNSPECIFIED)
    {
        _files = files;
        _zeros = new ZerosAhead(files.Geometry.SegmentBytes);
        _writers = new Thread[WriterThreads];
        for (int i = 0; i < _writers.Length; i++)
        {
            _writers[i] = new Thread(WritePieces) { IsBackground = true, Name = $"journal writer {i}" };
            _writers[i].Start();
        }
    }

    /// <summary>Whether a flush is under way that FASTER does not know to be on the disk.</summary>
    public bool IsWriting => Volatile.Read(ref _underWay) != 0;

    /// <summary>Called on a writer thread when a flush is on the disk, FASTER knows it and <see cref="IsWriting"/> no longer
    /// counts it.</summary>
    public Action? Flushed { get; set; }

    /// <summary>Called once, on a writer thread, before FASTER learns that a write failed.</summary>
    public Action<Exception>? WriteFailed { get; set; }

    public override void WriteAsync(
        IntPtr sourceAddress,
        int segmentId,
        ulong destinationAddress,
        uint numBytesToWrite,
        DeviceIOCompletionCallback callback,
        object context)
    {
        int pieces = (int)((numBytesToWrite + PieceBytes - 1) / PieceBytes);
        Interlocked.Increment(ref _underWay);
        lock (_pieces)
        {
            var flush = _free.Count > 0 ? _free.Pop() : new Flush();
            flush.Start(pieces, numBytesToWrite, callback, context);
            long address = _files.Geometry.StartOf(segmentId) + (long)destinationAddress;
            _zeros.NoteWrite(address, numBytesToWrite);
            for (uint done = 0; done < numBytesToWrite; done += PieceBytes)
            {
                int size = (int)Math.Min(PieceBytes, numBytesToWrite - done);
                _pieces.Enqueue(new Piece(flush, address + done, sourceAddress + (nint)done, size));
            }
            if (pieces == 1)
                Monitor.Pulse(_pieces);
            else
                Monitor.PulseAll(_pieces);
        }
    }

    /// <summary>FASTER reads nothing of this journal: its log starts at the tail it was opened with, and partition logs read
    /// pages and files themselves.</summary>
    public override void ReadAsync(
        int segmentId,
        ulong sourceAddress,
        IntPtr destinationAddress,
        uint readLength,
        DeviceIOCompletionCallback callback,
        object context) => throw new NotSupportedException("The journal is read through JournalFiles.");

    public override void RemoveSegment(int segment) => throw new NotSupportedException();

    public override void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) =>
        throw new NotSupportedException();

    /// <summary>Stops the threads once everything queued is written.</summary>
    public override void Dispose()
    {
        lock (_pieces)
        {
            _stopping = true;
            Monitor.PulseAll(_pieces);
        }
        foreach (var writer in _writers)
            writer.Join();
    }

    private void WritePieces()
    {
        while (TryTake(out var piece))
        {
            Write(piece);
            if (piece.Flush is { } flush)
                Finish(flush);
            else
                EndZeros();
        }
    }

    private void Finish(Flush flush)
    {
        if (!flush.FinishPiece())
            return;

        var (callback, context, size) = flush.Take();
        lock (_pieces)
            _free.Push(flush);
        bool failed = Volatile.Read(ref _failure) is not null;
        callback(failed ? FailedWrite : 0, size, context);
        Interlocked.Decrement(ref _underWay);
        if (!failed)
            Flushed?.Invoke();
    }

    private void EndZeros()
    {
        lock (_pieces)
        {
            _zeros.End();
            Monitor.PulseAll(_pieces);
        }
    }

    private bool TryTake(out Piece piece)
    {
        lock (_pieces)
        {
            while (true)
            {
                if (_pieces.TryPeek(out piece))
                {
                    if (!_zeros.IsInTheWayOf(piece.Address, piece.SizeBytes))
                        return _pieces.TryDequeue(out piece);
                }
                else if (_stopping)
                {
                    return false;
                }
                else if (_zeros.TryBegin(out long address, out int size))
                {
                    piece = new Piece(null, address, 0, size);
                    return true;
                }
                Monitor.Wait(_pieces);
            }
        }
    }

    private void Write(in Piece piece)
    {
        if (Volatile.Read(ref _failure) is not null)
            return;
        int segment = _files.Geometry.SegmentOf(piece.Address);
        int offset = _files.Geometry.OffsetInSegment(piece.Address);
        try
        {
            if (piece.Flush is null)
                _files.WriteZeros(segment, offset, piece.SizeBytes);
            else
                _files.Write(segment, offset, new ReadOnlySpan<byte>((void*)piece.Source, piece.SizeBytes));
        }
        catch (Exception failure)
        {
            if (Interlocked.CompareExchange(ref _failure, failure, null) is null)
                WriteFailed?.Invoke(failure);
        }
    }

    /// <param name="Flush">Null for zeros.</param>
    private readonly record struct Piece(Flush? Flush, long Address, nint Source, int SizeBytes);

    /// <summary>A write FASTER asked for. Used again and again.</summary>
    private sealed class Flush
    {
        private int _piecesLeft;
        private uint _sizeBytes;
        private DeviceIOCompletionCallback _callback = null!;
        private object _context = null!;

        public void Start(int pieces, uint sizeBytes, DeviceIOCompletionCallback callback, object context)
        {
            _piecesLeft = pieces;
            _sizeBytes = sizeBytes;
            _callback = callback;
            _context = context;
        }

        public bool FinishPiece() => Interlocked.Decrement(ref _piecesLeft) == 0;

        public (DeviceIOCompletionCallback Callback, object Context, uint SizeBytes) Take()
        {
            var taken = (_callback, _context, _sizeBytes);
            _context = null!;
            return taken;
        }
    }
}
