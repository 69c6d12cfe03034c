using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace Loire.Log;

/// <summary>Files open for reading, by their segments' numbers: a bounded number of them. For one more, that is closed which was
/// not read for longest.</summary>
internal sealed class OpenFiles(int limit, Func<int, string> pathOf) : IDisposable
{
    private readonly ConcurrentDictionary<int, OpenFile> _files = new();
    private readonly Lock _lock = new();
    private bool _disposed;

    public bool Contains(int segment) => _files.ContainsKey(segment);

    /// <summary>Calls <paramref name="use"/> with a segment's file; again, where the file was closed for another before it came
    /// to use it.</summary>
    /// <exception cref="IOException">There is no such file, among others.</exception>
    public TResult Use<TState, TResult>(int segment, TState state, Func<SafeFileHandle, TState, TResult> use)
        where TState : allows ref struct
    {
        while (true)
        {
            var file = Find(segment);
            try
            {
                return use(file.Handle, state);
            }
            catch (ObjectDisposedException) when (!Volatile.Read(ref _disposed))
            {
                // Closed for another.
            }
        }
    }

    public void Close(int segment)
    {
        if (_files.TryRemove(segment, out var file))
            file.Handle.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (int segment in _files.Keys)
                Close(segment);
        }
    }

    private OpenFile Find(int segment)
    {
        if (!_files.TryGetValue(segment, out var file))
            file = Open(segment);
        file.NoteUse();
        return file;
    }

    private OpenFile Open(int segment)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_files.TryGetValue(segment, out var file))
                return file;
            while (_files.Count >= limit)
                Close(_files.MinBy(open => open.Value.LastUseMs).Key);
            file = new OpenFile(File.OpenHandle(
                pathOf(segment), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            _files[segment] = file;
            return file;
        }
    }

    private sealed class OpenFile(SafeFileHandle handle)
    {
        private long _lastUseMs;

        public SafeFileHandle Handle => handle;
        public long LastUseMs => Volatile.Read(ref _lastUseMs);

        public void NoteUse() => Volatile.Write(ref _lastUseMs, Environment.TickCount64);
    }
}
