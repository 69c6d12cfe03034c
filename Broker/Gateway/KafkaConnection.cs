using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Loire.Broker.Handlers;
using Loire.Protocol.Wire;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Loire.Broker.Gateway;

/// <summary>One client's connection: a loop reads frames and dispatches them, an <see cref="AnswerQueue"/> writes the
/// answers in the order of the requests.
/// <para>A request is dispatched when all earlier ones of the connection are answered. Pipelined requests (Produce) may
/// follow each other without: the loop waits for the first stage of each, so that appends happen in the order of
/// arrival, and the answers follow when they are known.</para>
/// <para>The frame of a pipelined request stays in the input until its first stage is done. Others are copied out, and give
/// their share of the memory budget back once they are decoded: a consumer may wait in a long poll for days, and holds
/// then neither a block of the pool nor what others need to be served.</para></summary>
internal sealed class KafkaConnection
{
    /// <summary>So much of a frame is received before it is charged to the budget: a connection's pipe takes about as much
    /// in before anybody asks.</summary>
    private const int StretchBytes = 2 << 20;
    private const long Never = long.MaxValue;
    private const string UnreadAnswers = "it does not read its answers, or is gone without a word";

    private readonly ConnectionContext _context;
    private readonly GatewayServices _services;
    private readonly PipeReader _input;
    private readonly ResponseOutput _output;
    private readonly AnswerQueue _answers;
    private readonly ClientConnection _client;

    /// <summary>Cancelled when no answer can reach the client, for requests that wait.</summary>
    private readonly CancellationTokenSource _gone = new();

    /// <summary>Cancelled when the gateway cuts the connection. A client that went away after a produce without
    /// acknowledgement does not take it back, so pipelined requests see only this one.</summary>
    private readonly CancellationTokenSource _cut = new();

    // Milliseconds of the watch's clock; written by the loops, read by the watch.
    private long _idleSinceMs = Never;
    private long _frameDueMs = Never;

    /// <summary>What the frame that is being received or decoded holds of the memory budget.</summary>
    private long _chargedBytes;

    private string? _clientId;
    private int _isCut;
    private volatile bool _isStopping;

    public KafkaConnection(ConnectionContext context, GatewayServices services)
    {
        _context = context;
        _services = services;
        _input = context.Transport.Input;
        _output = new ResponseOutput(
            context.Transport.Output, SocketSink.Of(context), services.Options, services.Clock);
        _answers = new AnswerQueue(this, _output, services.Options.RequestsInFlightMax);
        _client = new ClientConnection { Id = context.ConnectionId, RemoteEndPoint = context.RemoteEndPoint };
    }

    public async Task RunAsync()
    {
        var stop = _context.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default;
        await using var onStop = stop.UnsafeRegister(static self => ((KafkaConnection)self!).Stop(), this);
        await using var onGone = _context.ConnectionClosed.UnsafeRegister(static self => ((KafkaConnection)self!).CancelGone(), this);
        var answering = _answers.RunAsync();
        try
        {
            while (await ReadRequestAsync())
            {
            }
        }
        catch (Exception error)
        {
            Fail(error);
        }
        finally
        {
            _answers.Complete();
            await answering;
        }
    }

    /// <summary>Called about once a second: cuts the connection when a limit of time has passed.</summary>
    public void CheckDeadlines(long nowMs)
    {
        var config = _services.Configs.Current;
        if (nowMs >= _output.DueMs)
            Cut(CloseReason.SlowReader, UnreadAnswers);
        else if (nowMs >= Volatile.Read(ref _frameDueMs))
            Cut(CloseReason.SlowSender, "it sent the start of a frame and not the rest in time");
        else if (nowMs - Volatile.Read(ref _idleSinceMs) >= config.ConnectionsMaxIdleMs && _answers.Count == 0)
            Cut(CloseReason.Idle, $"it was silent for connections.max.idle.ms ({config.ConnectionsMaxIdleMs} ms)");
    }

    public void CountSent(int sizeBytes) => _services.Metrics.Sent(sizeBytes);

    public void Answered(in Answer answer)
    {
        _services.Metrics.Answered(answer.Api.Name, _services.Clock.ElapsedSince(answer.StartTimestamp));
        RequestSpan.End(answer.Span, error: null);
    }

    /// <summary>The answer could not be had or not be written: the connection ends, for the client would take the next
    /// answer for this one.</summary>
    public void FailAnswer(in Answer answer, Exception error)
    {
        RequestSpan.End(answer.Span, error);
        if (error is OperationCanceledException && answer.Context.Aborted.IsCancellationRequested) Abort();
        else if (IsDisconnect(error)) Disconnect(error);
        else if (error is CloseConnectionException) Cut(CloseReason.Unanswerable, error.Message);
        else if (error is IOException)
            Cut(CloseReason.RecordsUnreadable, $"the records of its {answer.Api.Name} answer could not be read: {error.Message}");
        else FailHandler(answer.Api, answer.Context, error);
    }

    /// <returns>False when the client has sent its last request, or the broker stops.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> ReadRequestAsync()
    {
        Volatile.Write(ref _idleSinceMs, _services.Clock.NowMs);
        var read = await _input.ReadAtLeastAsync(FrameHeader.PrefixBytes);
        Volatile.Write(ref _idleSinceMs, Never);
        if (_isStopping || read.Buffer.Length < FrameHeader.PrefixBytes) return false;

        var size = FrameHeader.ReadSize(read.Buffer, _services.Configs.Current.SocketRequestMaxBytes);
        if (size > RequestLimits.FrameBytesMax) read = await CheckLargeAsync(size, read);
        try
        {
            var frameEnd = FrameHeader.PrefixBytes + size;
            read = await ReceiveAsync(frameEnd, read);
            if (_isStopping || read.Buffer.Length < frameEnd) return false;

            _services.Metrics.Received(frameEnd);
            await DispatchAsync(read.Buffer.Slice(FrameHeader.PrefixBytes, size));
            return true;
        }
        finally
        {
            ReleaseCharge();
        }
    }

    /// <summary>Few APIs have large frames: those of others are refused before they are taken in.</summary>
    private async ValueTask<ReadResult> CheckLargeAsync(int size, ReadResult read)
    {
        read = await ReadToAsync(FrameHeader.ApiKeyEnd, read);
        if (read.Buffer.Length >= FrameHeader.ApiKeyEnd)
            _services.Dispatcher.CheckFrameSize(FrameHeader.ReadApiKey(read.Buffer), size);
        return read;
    }

    /// <summary>Receives the frame stretch by stretch, and charges each to the memory budget when it is there.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> ReceiveAsync(int frameEnd, ReadResult read)
    {
        var isCharged = frameEnd > _services.Options.SmallFrameBytes;
        for (var end = 0; end < frameEnd;)
        {
            end += Math.Min(StretchBytes, frameEnd - end);
            read = await ReadToAsync(end, read);
            if (read.Buffer.Length < end) break;
            var (arrived, rest) = (end - _chargedBytes, frameEnd - _chargedBytes);
            if (isCharged && arrived > 0)
                _chargedBytes += await _services.Budget.TakeAsync(_chargedBytes, arrived, rest, _gone.Token);
        }

        return read;
    }

    private void ReleaseCharge()
    {
        if (_chargedBytes > 0) _services.Budget.Release(_chargedBytes);
        _chargedBytes = 0;
    }

    /// <summary>Reads on until <paramref name="length"/> bytes are there, the client sends no more, or the broker stops. Woken
    /// once for all of them.</summary>
    private async ValueTask<ReadResult> ReadToAsync(int length, ReadResult read)
    {
        if (read.Buffer.Length >= length) return read;
        Volatile.Write(ref _frameDueMs, _services.Clock.NowMs + _services.Options.ReceiveTimeMaxMs(length - read.Buffer.Length));
        while (read.Buffer.Length < length && !read.IsCompleted && !_isStopping)
        {
            // What counts as examined does not count towards the length: it would wait for bytes that come after the frame.
            _input.AdvanceTo(consumed: read.Buffer.Start, examined: read.Buffer.Start);
            read = await _input.ReadAtLeastAsync(length);
        }

        Volatile.Write(ref _frameDueMs, Never);
        return read;
    }

    /// <summary>Serves the request and steps over its frame.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask DispatchAsync(ReadOnlySequence<byte> frame)
    {
        var start = _services.Clock.Timestamp;
        var request = _services.Dispatcher.Decode(frame);
        var span = RequestSpan.Start(request);
        _clientId = request.ClientId;
        var isPipelined = request.Api.Handler.IsPipelined;
        var context = new RequestContext(
            request.Version, request.CorrelationId, request.ClientId, _client, isPipelined ? _cut.Token : _gone.Token);
        if (isPipelined)
        {
            var answer = await ServeAsync(request.Api, context, request.Body, span);
            _input.AdvanceTo(frame.End);
            ReleaseCharge();
            await _answers.AddAsync(new Answer(request.Api, context, answer, start, span));
            return;
        }

        await _answers.WaitUntilEmptyAsync();
        var body = new ReadOnlySequence<byte>(request.Body.ToArray());
        _input.AdvanceTo(frame.End);
        var response = await ServeAsync(request.Api, context, body, span);
        ReleaseCharge();
        await _answers.AddAsync(new Answer(request.Api, context, response, start, span));
        await _answers.WaitUntilEmptyAsync();
    }

    private async ValueTask<Task<IMessage?>> ServeAsync(
        Api api, RequestContext context, ReadOnlySequence<byte> body, Activity? span)
    {
        try
        {
            return await api.Handler.ServeAsync(context, body);
        }
        catch (WireFormatException error)
        {
            RequestSpan.End(span, error);
            throw new ConnectionRefusedException(
                CloseReason.MalformedRequest, $"its {api.Name} request of version {context.ApiVersion} is malformed: {error.Message}");
        }
        catch (Exception error)
        {
            RequestSpan.End(span, error);
            if (context.Aborted.IsCancellationRequested) throw;
            FailHandler(api, context, error);
            throw new ConnectionAbortedException();
        }
    }

    private void Fail(Exception error)
    {
        switch (error)
        {
            case ConnectionRefusedException refused:
                Cut(refused.Reason, refused.Message);
                break;
            case WireFormatException malformed:
                Cut(CloseReason.MalformedRequest, "its request header is malformed: " + malformed.Message);
                break;
            case OperationCanceledException:
                Abort();
                break;
            default:
                if (IsDisconnect(error)) Disconnect(error);
                else Cut(CloseReason.HandlerFailed, error.ToString());
                break;
        }
    }

    private void FailHandler(Api api, RequestContext context, Exception error)
    {
        if (Interlocked.Exchange(ref _isCut, 1) != 0) return;
        _services.Log.HandlerFailed(api.Name, context.ApiVersion, context.CorrelationId, context.ClientId, _client.RemoteEndPoint, error);
        _services.Metrics.Closed(CloseReason.HandlerFailed);
        Abort();
    }

    /// <summary>Ends the connection for a reason of ours: logged once, whatever fails after it.</summary>
    private void Cut(CloseReason reason, string message)
    {
        if (Interlocked.Exchange(ref _isCut, 1) != 0) return;
        _services.Log.ConnectionCut(_client.RemoteEndPoint, _clientId, reason, message);
        _services.Metrics.Closed(reason);
        Abort();
    }

    /// <summary>The transport gave up: without a word where the client did, else because the kernel waited for it as long
    /// as the listener's socket options say.</summary>
    private void Disconnect(Exception error)
    {
        if (error is SocketException { SocketErrorCode: SocketError.TimedOut }) Cut(CloseReason.SlowReader, UnreadAnswers);
        else Abort();
    }

    private void Abort()
    {
        Interlocked.Exchange(ref _isCut, 1);
        _context.Abort(new ConnectionAbortedException());
        _ = _gone.CancelAsync();
        _ = _cut.CancelAsync();
    }

    private void Stop()
    {
        _isStopping = true;
        _input.CancelPendingRead();
        _gone.CancelAfter(_services.Options.StopGraceMs);
    }

    private void CancelGone() => _ = _gone.CancelAsync();

    private static bool IsDisconnect(Exception error) =>
        error is ConnectionResetException or ConnectionAbortedException or SocketException;
}
