namespace Loire.Log;

/// <summary>Makes the journal's next file while the present one is filled, on a thread of its own. A full disk is found
/// out, and said, while there is still a file's worth of room; once that is used the file is tried once more.</summary>
internal sealed class SegmentAllocator : IDisposable
{
    private readonly JournalFiles _files;
    private readonly SpaceGate _space;
    private readonly object _lock = new();
    private readonly Thread _thread;
    private int _ready;
    private int _wanted;
    private Exception? _failure;
    private bool _isTried;
    private bool _isNeeded;
    private bool _stopping;

    /// <param name="segment">The segment that is filled first.</param>
    public SegmentAllocator(JournalFiles files, int segment, SpaceGate space)
    {
        _files = files;
        _space = space;
        _ready = segment;
        _wanted = segment;
        _thread = new Thread(Allocate) { IsBackground = true, Name = "journal allocator" };
        _thread.Start();
    }

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

    /// <summary>Whether a segment, which is needed now, has its file. Where not, the gate is closed until it has or it is known
    /// why not: space may have been freed since the file was asked for.</summary>
    public bool IsReady(int segment, out Exception? failure)
    {
        lock (_lock)
        {
            failure = _failure;
            if (segment <= _ready)
                return true;
            if (failure is null)
            {
                _isNeeded = true;
                Monitor.Pulse(_lock);
                _space.Close();
            }
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

    private void Allocate()
    {
        while (WaitForWork(out int segment, out bool isLastTry))
        {
            Exception? failure = null;
            try
            {
                _files.Allocate(segment);
            }
            catch (Exception reason) when (reason is IOException or UnauthorizedAccessException)
            {
                failure = reason;
            }
            lock (_lock)
            {
                if (failure is null)
                    _ready = segment;
                else if (isLastTry)
                    _failure = failure;
                _isTried = failure is not null;
            }
            if (failure is not null && !isLastTry)
                _files.Logger.NoNextFileYet(failure.Message, _files.Directory);
            _space.Open();
        }
    }

    private bool WaitForWork(out int segment, out bool isLastTry)
    {
        lock (_lock)
        {
            while (!_stopping && (_wanted <= _ready || _failure is not null || (_isTried && !_isNeeded)))
                Monitor.Wait(_lock);
            segment = _ready + 1;
            isLastTry = _isNeeded;
            return !_stopping;
        }
    }
}
