using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Loire.Bench.Statistics;

namespace Loire.Bench.Load;

/// <summary>One producer: sends prebuilt acks=all requests over one connection without waiting for one's answer before
/// the next. The main thread sends, a second one takes the answers.</summary>
public sealed class ProduceLoad : IDisposable
{
    /// <summary>More requests than this are never in flight: the socket's buffers are full long before.</summary>
    private const int MaxRequestsInFlight = 1 << 16;

    private readonly ProduceSpec _spec;
    private readonly ProduceFrames _frames;
    private readonly BrokerConnection _connection;
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _failed = new();
    private readonly LatencyHistogram _latency = new();

    /// <summary>When each request in flight was due; a request's number modulo the length is its place.</summary>
    private readonly long[] _due = new long[MaxRequestsInFlight];
    private readonly long _start;
    private readonly long _measureFrom;
    private readonly long _measureTo;
    private long _lastRequest = long.MaxValue;
    private long _measuredRequests;

    private ProduceLoad(ProduceSpec spec)
    {
        _spec = spec;
        _frames = new ProduceFrames(spec);
        _connection = new BrokerConnection(spec.Port);
        var slots = spec.BytesPerSecond is null ? spec.MaxBytesInFlight / _frames.PayloadBytes : MaxRequestsInFlight;
        _slots = new SemaphoreSlim((int)Math.Clamp(slots, 1, MaxRequestsInFlight));
        _start = Stopwatch.GetTimestamp();
        _measureFrom = _start + (long)(spec.WarmUpSeconds * Stopwatch.Frequency);
        _measureTo = _measureFrom + (long)(spec.Seconds * Stopwatch.Frequency);
    }

    public static ProduceResult Run(ProduceSpec spec)
    {
        using var load = new ProduceLoad(spec);
        return load.Run();
    }

    public void Dispose()
    {
        _connection.Dispose();
        _slots.Dispose();
        _failed.Dispose();
    }

    private ProduceResult Run()
    {
        ExceptionDispatchInfo? failure = null;
        var receiver = new Thread(() => failure = ReceiveAll()) { Name = "acknowledgements" };
        receiver.Start();
        CpuUsage cpu;
        try
        {
            cpu = SendAll();
        }
        catch (Exception) when (_failed.IsCancellationRequested)
        {
            cpu = new CpuUsage(0, 0);
        }

        receiver.Join();
        failure?.Throw();
        var end = Math.Min(_measureTo, Stopwatch.GetTimestamp());
        return new ProduceResult(
            (_lastRequest + 1) * _frames.Records,
            _measuredRequests * _frames.PayloadBytes,
            Stopwatch.GetElapsedTime(_measureFrom, end).TotalSeconds,
            cpu,
            _latency.Summarise());
    }

    /// <returns>What was used while measuring.</returns>
    private CpuUsage SendAll()
    {
        CpuClock? cpu = null;
        var interval = TimeSpan.FromSeconds(_spec.BytesPerSecond is { } rate ? _frames.PayloadBytes / rate : 0);
        var maxRequests = _spec.MaxBytes / _frames.PayloadBytes;
        for (long number = 0; ; number++)
        {
            var due = interval > TimeSpan.Zero ? Pacer.WaitUntil(_start, interval * number) : 0;
            _slots.Wait(_failed.Token);
            var now = Stopwatch.GetTimestamp();
            if (cpu is null && now >= _measureFrom)
            {
                cpu = new CpuClock(_spec.BrokerProcessId);
            }

            var isLast = now >= _measureTo || number + 1 >= maxRequests;
            if (isLast)
            {
                // Said before it is sent: the receiver must not wait for an answer after the last one's.
                Volatile.Write(ref _lastRequest, number);
            }

            _due[number % MaxRequestsInFlight] = interval > TimeSpan.Zero ? due : now;
            _connection.Send(_frames.Next((int)number));
            if (isLast)
            {
                return cpu?.Elapsed() ?? new CpuUsage(0, 0);
            }
        }
    }

    private ExceptionDispatchInfo? ReceiveAll()
    {
        try
        {
            for (long number = 0; number <= Volatile.Read(ref _lastRequest); number++)
            {
                ProduceFrames.CheckResponse(_connection.Receive());
                var now = Stopwatch.GetTimestamp();
                if (now >= _measureFrom && now <= _measureTo)
                {
                    _latency.Record(Stopwatch.GetElapsedTime(_due[number % MaxRequestsInFlight], now));
                    _measuredRequests++;
                }

                _slots.Release();
            }

            return null;
        }
        catch (Exception e)
        {
            _failed.Cancel();
            _connection.Dispose();
            return ExceptionDispatchInfo.Capture(e);
        }
    }
}
