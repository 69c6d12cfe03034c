using Loire.Broker.Ports;

namespace Loire.Log;

/// <summary>Makes the journal's next file while the present one is filled, on a thread of its own. A full disk is found
/// out, and said, while there is still a file's worth of room; once that is used the file is tried once more. Batches leave
/// the last stretch of the last file to the entries that give space back, moved log starts and deletions among them: so a
/// journal that a full disk stopped can make room for itself.</summary>
internal sealed class SegmentAllocator : IDisposable
{
    /// <summary>Of a segment: 4 MB of 256, for ninety thousand log starts.</summary>
    private const int KeptDivisor = 64;

    private readonly JournalFiles _files;
    private readonly SpaceGate _space;
    private readonly object _lock = new();
    private readonly Thread _thread;
    private int _ready;
    private int _wanted;
    private long _batchesUntil;
    private LogStoreException? _refusal;
    private bool _lacksRoom;
    private bool _isTried;
    private bool _isNeeded;
    private bool _stopping;

    /// <param name="segment">The segment that is filled first.</param>
    public SegmentAllocator(JournalFiles files, int segment, SpaceGate space)
    {
        _files = files;
        _space = space;
        _wanted = segment;
        SetReady(segment);
        _thread = new Thread(Allocate) { IsBackground = true, Name = "journal allocator" };
        _thread.Start();
    }

    /// <summary>Why batches are refused; null while they are not.</summary>
    public LogStoreException? Refusal => Volatile.Read(ref _refusal);

    /// <summary>Whether there was no room for the next file when it was last tried.</summary>
    public bool LacksRoom
    {
        get
        {
            lock (_lock)
                return _lacksRoom;
        }
    }

    /// <summary>Called on the allocator's thread when <see cref="LacksRoom"/> begins to hold.</summary>
    public Action? FoundNoRoom { get; set; }

    /// <summary>Called on the allocator's thread when batches begin to be refused and when they are taken again.</summary>
    public Action? RefusalChanged { get; set; }

    /// <summary>Asks for a file that is needed soon.</summary>
    public void Request(int segment)
    {
        lock (_lock)
        {
            _wanted = segment;
            _isTried = false;
            _isNeeded = false;
            Monitor.Pulse(_lock);
        }
    }

    /// <summary>Space may have been freed.</summary>
    public void TryAgain()
    {
        lock (_lock)
        {
            _isTried = false;
            Monitor.Pulse(_lock);
        }
    }

    /// <summary>Whether a segment, which is needed now, has its file. Where not, the gate is closed until it has or it is known
    /// why not: space may have been freed since the file was asked for.</summary>
    public bool IsReady(int segment, out Exception? failure)
    {
        lock (_lock)
        {
            failure = _refusal?.InnerException;
            if (segment <= _ready)
                return true;
            if (failure is null)
                Need();
            return false;
        }
    }

    /// <summary>Whether a batch may go where it ends at an address. Where not, the gate is closed as in
    /// <see cref="IsReady"/>.</summary>
    /// <exception cref="LogStoreException">There is no room for the next file.</exception>
    public bool AdmitsBatch(long end)
    {
        if (end <= Volatile.Read(ref _batchesUntil))
            return true;
        lock (_lock)
        {
            if (_refusal is { } refusal)
                throw refusal;
            if (end <= _batchesUntil)
                return true;
            Need();
            return false;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _stopping = true;
            Monitor.Pulse(_lock);
        }
        _thread.Join();
    }

    private void Need()
    {
        _isNeeded = true;
        Monitor.Pulse(_lock);
        _space.Close();
    }

    private void Allocate()
    {
        while (WaitForWork(out int segment, out bool isLastTry))
        {
            try
            {
                _files.Allocate(segment);
                NoteReady(segment);
            }
            catch (Exception reason) when (reason is IOException or UnauthorizedAccessException)
            {
                NoteFailure(reason, isLastTry);
            }
            _space.Open();
        }
    }

    private bool WaitForWork(out int segment, out bool isLastTry)
    {
        lock (_lock)
        {
            while (!_stopping && (_wanted <= _ready || (_isTried && !_isNeeded)))
                Monitor.Wait(_lock);
            segment = _ready + 1;
            isLastTry = _isNeeded;
            return !_stopping;
        }
    }

    private void NoteReady(int segment)
    {
        bool wasRefusing;
        lock (_lock)
        {
            SetReady(segment);
            wasRefusing = _refusal is not null;
            _lacksRoom = false;
            _isTried = false;
            _isNeeded = false;
            Volatile.Write(ref _refusal, null);
        }
        if (!wasRefusing)
            return;
        _files.Logger.RoomAgain(_files.Directory);
        RefusalChanged?.Invoke();
    }

    private void NoteFailure(Exception reason, bool isLastTry)
    {
        bool isFirst, isRefused;
        lock (_lock)
        {
            isFirst = !_lacksRoom;
            isRefused = isLastTry && _refusal is null;
            if (isRefused)
            {
                Volatile.Write(ref _refusal, Refuse(reason));
                // From now on small ones are refused that would fit.
                Volatile.Write(ref _batchesUntil, 0);
            }
            _lacksRoom = true;
            _isTried = true;
            _isNeeded = false;
        }
        if (isRefused)
        {
            _files.Logger.Failed(_refusal!.Message, fault: null);
            RefusalChanged?.Invoke();
        }
        else if (isFirst)
            _files.Logger.NoNextFileYet(reason.Message, _files.Directory);
        if (isFirst)
            FoundNoRoom?.Invoke();
    }

    private LogStoreException Refuse(Exception reason) => new(
        $"No space for the journal's next file: {reason.Message}. No records are taken until there is: free space in " +
        $"{_files.Directory}, delete topics or records, or shorten a retention.", reason);

    private void SetReady(int segment)
    {
        _ready = segment;
        long end = _files.Geometry.StartOf(segment + 1);
        Volatile.Write(ref _batchesUntil, end - _files.Geometry.SegmentBytes / KeptDivisor);
    }
}
