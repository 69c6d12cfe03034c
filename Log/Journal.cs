using System.Buffers;
using FASTER.core;
using Loire.Broker.Ports;
using Loire.Protocol.Records;

namespace Loire.Log;

/// <summary>
/// The one log all partitions of a data directory share, on FASTER. Appends are made one at a time under
/// <see cref="AppendLock"/>: then the next entry's address is known before FASTER gives it, entries can be numbered and
/// carry their address in their checksum, and the order of appends is the order of everything derived from them.
/// </summary>
internal sealed unsafe class Journal : IDisposable
{
    private readonly JournalDevice _device;
    private readonly FasterLog _log;
    private readonly nint[] _pages;
    private readonly PagePins _pins;
    private readonly long _openedAt;
    private readonly JournalGaps _gaps = new();
    private long _nextSequence;
    private long _end;
    private int _segment;
    private LogStoreException? _failure;
    private bool _closed;

    /// <param name="tail">Where the next entry goes, at a sector's start: FASTER, told to go on within one, would write
    /// zeros over what lies before.</param>
    public Journal(JournalFiles files, long memoryBytes, long tail, long nextSequence)
    {
        Files = files;
        Geometry = files.Geometry;
        _openedAt = tail;
        _nextSequence = nextSequence;
        _end = tail;
        _gaps.Add(tail - JournalGeometry.SectorBytes, tail);
        _segment = Geometry.SegmentOf(tail);
        _pages = new nint[memoryBytes >> Geometry.PageBits];
        _pins = new PagePins(_pages.Length, Geometry.PageOf(tail));
        Space = new SpaceGate(() => DurableUntil);
        Allocator = new SegmentAllocator(files, _segment, Space);
        _device = new JournalDevice(files);
        _log = new FasterLog(new FasterLogSettings
        {
            LogDevice = _device,
            LogCommitManager = new NoCommitFiles(),
            PageSize = Geometry.PageBytes,
            MemorySize = memoryBytes,
            SegmentSize = Geometry.SegmentBytes,
            LogChecksum = LogChecksumType.None,
            TryRecoverLatest = false,
        });
        _log.Initialize(tail, tail);
        Commits = new CommitLoop(_log, _device, Fail);
        _device.WriteFailed = failure => Fail(new LogStoreException(
            $"The journal in {files.Directory} could not be written: {failure.Message}. " +
            "Nothing more is appended; mend the disk and start again.", failure));
        _device.Flushed = () =>
        {
            Commits.GoOn();
            // Before the partitions are told: that may wait for a lock whose holder waits for space.
            Space.Open();
            Commits.Notify();
        };
    }

    public Lock AppendLock { get; } = new();
    public JournalFiles Files { get; }
    public JournalGeometry Geometry { get; }
    public CommitLoop Commits { get; }
    public SpaceGate Space { get; }
    public SegmentAllocator Allocator { get; }
    public LogStoreException? Failure => Volatile.Read(ref _failure);

    /// <summary>Everything below it is on the disk.</summary>
    public long DurableUntil => _log.FlushedUntilAddress;
    public long TailAddress => _log.TailAddress;
    public long NextSequence => _nextSequence;

    /// <summary>Called under <see cref="AppendLock"/> before the first entry goes to a new segment: nothing more goes to
    /// the one named.</summary>
    public Action<int>? SegmentFull { get; set; }

    /// <summary>Called once, on a thread that holds no lock, when <see cref="Failure"/> is set.</summary>
    public Action<LogStoreException>? OnFailed { get; set; }

    /// <summary>Claims the file that the next entry goes to. Where there is no room for it, the journal is only read.</summary>
    public void Begin()
    {
        try
        {
            Files.Allocate(_segment);
            Allocator.Request(_segment + 1);
        }
        catch (IOException noRoom)
        {
            Fail(NoNextFile(noRoom));
        }
    }

    /// <summary>Appends an entry. The caller holds <see cref="AppendLock"/> and calls <see cref="CommitLoop.Start"/> when it
    /// has let go of it.</summary>
    /// <returns>False when memory is full of unsynced entries or the next file is still being made.</returns>
    public bool TryAppend(
        EntryKind kind, int partition, ReadOnlySpan<byte> first, in ReadOnlySequence<byte> rest, out long address)
    {
        if (Failure is { } failure)
            throw failure;
        if (_closed)
            throw new LogStoreException($"The log in {Files.Directory} was closed.");
        int payload = checked(first.Length + (int)rest.Length);
        long durable = DurableUntil;
        int size = JournalEntry.AllocatedBytes(payload);
        address = NextAddress(size);
        if (kind == EntryKind.Append && !Allocator.AdmitsBatch(address + size))
            return false;
        if (!TryEnterSegment(Geometry.SegmentOf(address)))
            return false;
        _pins.Begin(Geometry.PageOf(address));
        if (address > _end)
        {
            _gaps.Add(_end, address);
            _end = address;
        }

        nint position = 0;
        long given;
        fixed (byte* start = first)
        {
            var write = new JournalWrite
            {
                Entry = new JournalEntry(kind, partition, payload, _nextSequence, _gaps.EntriesDurableUntil(durable)),
                Seed = Geometry.Seed,
                Address = address,
                First = start,
                FirstBytes = first.Length,
                Rest = rest,
                Position = &position,
            };
            if (!_log.TryEnqueue(write, out given))
            {
                Space.Close(durable);
                return false;
            }
        }
        if (given != address)
        {
            Fail(new LogStoreException($"The journal put an entry at {given} that was made for {address}."));
            throw Failure!;
        }
        _nextSequence++;
        _end = address + size;
        Volatile.Write(
            ref _pages[PageSlot(address)], position - JournalEntry.LengthBytes - Geometry.OffsetInPage(address));
        return true;
    }

    /// <summary>Copies bytes of an entry that was appended since the journal was opened from FASTER's pages. The copy is made
    /// first and proved after: a page's memory is cleared, at the earliest, when the page that takes its place is
    /// begun, so while the tail is before that page the bytes were the entry's.</summary>
    /// <returns>False when the page has left memory or is about to; it is on the disk then, whole.</returns>
    public bool TryCopyFromMemory(long address, Span<byte> destination)
    {
        if (address < _openedAt || !IsInMemory(address))
            return false;
        nint page = Volatile.Read(ref _pages[PageSlot(address)]);
        if (page == 0)
            return false;
        new ReadOnlySpan<byte>((void*)(page + Geometry.OffsetInPage(address)), destination.Length).CopyTo(destination);
        Interlocked.MemoryBarrier();
        return IsInMemory(address);
    }

    /// <summary>Gives a sink bytes of an entry that was appended since the journal was opened, in FASTER's page, which is kept
    /// until the sink is done with them.</summary>
    /// <returns>False when the page has left memory or is about to.</returns>
    public bool TryGiveFromMemory(long address, int sizeBytes, IRecordsSink sink, out int taken)
    {
        taken = 0;
        long page = Geometry.PageOf(address);
        if (address < _openedAt || !_pins.TryPin(page))
            return false;
        try
        {
            nint start = Volatile.Read(ref _pages[PageSlot(address)]);
            taken = sink.Take(new ReadOnlySpan<byte>((void*)(start + Geometry.OffsetInPage(address)), sizeBytes));
            return true;
        }
        finally
        {
            _pins.Unpin(page);
        }
    }

    /// <summary>Copies bytes that lie within one entry, from memory or disk.</summary>
    public void Read(long address, Span<byte> destination)
    {
        if (!TryCopyFromMemory(address, destination))
            Files.Read(address, destination);
    }

    /// <summary>Takes no more entries. Under <see cref="AppendLock"/>.</summary>
    public void Close() => _closed = true;

    /// <summary>Takes no more entries, and what waits for the disk waits no longer. The first reason is kept.</summary>
    public void Fail(LogStoreException failure)
    {
        if (Interlocked.CompareExchange(ref _failure, failure, null) is not null)
            return;
        Commits.Stop();
        Space.OpenForGood();
        ThreadPool.UnsafeQueueUserWorkItem(_ => OnFailed?.Invoke(failure), null);
    }

    public void Dispose()
    {
        Allocator.Dispose();
        _device.Dispose();
        _log.Dispose();
        Files.Dispose();
    }

    private LogStoreException NoNextFile(Exception failure) => new(
        $"No space for the journal's next file: {failure.Message}. Nothing is appended; free space in {Files.Directory} and " +
        "start again.", failure);

    private int PageSlot(long address) => (int)(Geometry.PageOf(address) & (_pages.Length - 1));

    /// <summary>A page that is not whole on the disk is never given up. One that is, is when FASTER is about to begin the
    /// page that takes its place, a moment before the tail shows it: so this is one page short of what FASTER keeps.</summary>
    private bool IsInMemory(long address)
    {
        long page = Geometry.PageOf(address);
        return Geometry.PageOf(_log.TailAddress) <= page + _pages.Length - 2
            || _log.FlushedUntilAddress < (page + 1) << Geometry.PageBits;
    }

    /// <summary>Where FASTER puts the next entry: at the tail, or at the next page's start where it does not fit.</summary>
    private long NextAddress(int sizeBytes)
    {
        long tail = _log.TailAddress;
        return Geometry.OffsetInPage(tail) + sizeBytes > Geometry.PageBytes
            ? (Geometry.PageOf(tail) + 1) << Geometry.PageBits
            : tail;
    }

    private bool TryEnterSegment(int segment)
    {
        if (segment == _segment)
            return true;
        if (!Allocator.IsReady(segment, out var failure))
        {
            if (failure is null)
                return false;
            Fail(NoNextFile(failure));
            throw Failure!;
        }
        SegmentFull?.Invoke(_segment);
        _segment = segment;
        Allocator.Request(segment + 1);
        return true;
    }
}
