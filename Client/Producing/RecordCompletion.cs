using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Tasks.Sources;

namespace Loire.Client;

/// <summary>What the caller of one record awaits; reused when its result was taken.</summary>
internal sealed class RecordCompletion : IValueTaskSource<RecordPosition>
{
    /// <summary>As many records of 1 KB as the default buffer holds.</summary>
    private const int PooledMax = 32 * 1024;
    private static readonly ConcurrentQueue<RecordCompletion> Pool = new();

    private ManualResetValueTaskSourceCore<RecordPosition> _source = new() { RunContinuationsAsynchronously = true };
    private Activity? _span;

    /// <param name="span">Ends with the record's delivery.</param>
    public static RecordCompletion Rent(Activity? span)
    {
        if (!Pool.TryDequeue(out var completion))
            completion = new RecordCompletion();
        completion._span = span;
        return completion;
    }

    public ValueTask<RecordPosition> Task => new(this, _source.Version);

    public void Succeed(RecordPosition position)
    {
        if (_span is { } span)
        {
            span.SetTag("messaging.destination.partition.id", position.Partition);
            span.SetTag("messaging.kafka.offset", position.Offset);
            span.Dispose();
        }
        _source.SetResult(position);
    }

    public void Fail(Exception exception)
    {
        if (_span is { } span)
        {
            span.SetStatus(ActivityStatusCode.Error, exception.Message);
            span.Dispose();
        }
        _source.SetException(exception);
    }

    public RecordPosition GetResult(short token)
    {
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            _source.Reset();
            _span = null;
            if (Pool.Count < PooledMax)
                Pool.Enqueue(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
