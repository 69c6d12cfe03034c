namespace Loire.Log;

/// <summary>Makes the journal's next file while the present one is filled, on a thread of its own. A full disk is found
/// out while there is still a file's worth of room.</summary>
internal sealed class SegmentAllocator : IDisposable
{
    private readonly JournalFiles _files;
    private readonly SpaceGate _space;
    private readonly object _lock = new();
    private readonly Thread _thread;
    private int _ready;
    private int _wanted;
    private Exception? _failure;
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

    /// <summary>Asks for a file. One that failed before is tried again: space may have been freed.</summary>
    public void Request(int segment)
    {
        lock (_lock)
        {
            _wanted = segment;
            _failure = null;
            Monitor.Pulse(_lock);
        }
    }

    /// <summary>Whether a segment has its file. Where not, the gate is closed until it has or it is known why not.</summary>
    public bool IsReady(int segment, out Exception? failure)
    {
        lock (_lock)
        {
            failure = _failure;
            if (segment <= _ready)
                return true;
            if (failure is null)
                _space.Close();
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
        while (true)
        {
            int segment;
            lock (_lock)
            {
                while (!_stopping && (_wanted <= _ready || _failure is not null))
                    Monitor.Wait(_lock);
                if (_stopping)
                    return;
                segment = _ready + 1;
            }
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
                else
                    _failure = failure;
            }
            _space.Open();
        }
    }
}
