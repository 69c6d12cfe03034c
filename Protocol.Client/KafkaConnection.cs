using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net.Sockets;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Protocol.Client;

/// <summary>One TCP connection to a broker. Requests may overlap: answers find their requests by correlation id.</summary>
public sealed class KafkaConnection : IAsyncDisposable
{
    private const int SocketBufferSize = 64 * 1024;

    private readonly KafkaClientOptions _options;
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly SemaphoreSlim _writing = new(1);
    private readonly ConcurrentDictionary<int, PendingResponse> _pending = new();
    private readonly Dictionary<ApiKey, ApiVersionsResponse.ApiVersion> _brokerVersions = [];
    private readonly Task _reading;
    private KafkaClientException? _failure;
    private int _lastCorrelationId;

    private KafkaConnection(Socket socket, string address, KafkaClientOptions options)
    {
        _socket = socket;
        _options = options;
        Address = address;
        _stream = new NetworkStream(socket, ownsSocket: false);
        _input = PipeReader.Create(_stream, new StreamPipeReaderOptions(bufferSize: SocketBufferSize));
        _output = PipeWriter.Create(_stream, new StreamPipeWriterOptions(minimumBufferSize: SocketBufferSize));
        _reading = ReadAnswersAsync();
    }

    /// <summary>HOST:PORT of the broker.</summary>
    public string Address { get; }

    public bool IsOpen => Volatile.Read(ref _failure) is null;

    /// <summary>Connects and agrees on versions.</summary>
    /// <exception cref="KafkaClientException">Nobody answers there, or not in the Kafka protocol.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "The connection owns the socket.")]
    public static async Task<KafkaConnection> ConnectAsync(
        string host, int port, KafkaClientOptions options, CancellationToken cancellationToken)
    {
        var address = $"{host}:{port}";
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(options.RequestTimeout);
            await socket.ConnectAsync(host, port, timeout.Token);
        }
        catch (Exception exception) when (exception is SocketException
            || exception is OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            throw KafkaClientException.Unreachable(
                $"No broker answers at {address} ({exception.Message}). Is it running, and is the address right?", exception);
        }
        var connection = new KafkaConnection(socket, address, options);
        try
        {
            await connection.NegotiateAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>The highest version of an API that both sides know, at most <paramref name="highest"/>.</summary>
    /// <exception cref="KafkaClientException">There is none.</exception>
    public short VersionOf(MessageInfo request, short highest = short.MaxValue)
    {
        highest = Math.Min(highest, request.HighestVersion);
        if (_brokerVersions.TryGetValue(request.ApiKey!.Value, out var broker))
        {
            var version = Math.Min(highest, broker.MaxVersion);
            if (version >= request.LowestVersion && version >= broker.MinVersion)
                return version;
        }
        throw new KafkaClientException(
            ErrorCode.UnsupportedVersion, $"The broker at {Address} does not support {request.ApiKey} in a version known here.");
    }

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <param name="highestVersion">The highest version that the request was filled in for.</param>
    /// <exception cref="KafkaClientException">The connection broke or the broker did not answer in time.</exception>
    public async Task<TResponse> SendAsync<TRequest, TResponse>(
        TRequest request, CancellationToken cancellationToken, short highestVersion = short.MaxValue)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        // The frame is left to the collector: byte fields of the answer may outlive any scope known here.
        var lease = await SendLeasedAsync<TRequest, TResponse>(request, cancellationToken, highestVersion);
        return lease.Response;
    }

    /// <summary>As <see cref="SendAsync"/>, for large answers, whose memory the caller gives back.</summary>
    public async Task<ResponseLease<TResponse>> SendLeasedAsync<TRequest, TResponse>(
        TRequest request, CancellationToken cancellationToken, short highestVersion = short.MaxValue)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var version = VersionOf(TRequest.Info, highestVersion);
        return await SendAtVersionAsync<TRequest, TResponse>(request, version, cancellationToken);
    }

    /// <summary>Sends a request that is not answered (Produce with acks=0).</summary>
    public Task SendOneWayAsync<TRequest>(TRequest request, CancellationToken cancellationToken, short highestVersion)
        where TRequest : class, IMessage<TRequest> =>
        WriteAsync(request, VersionOf(TRequest.Info, highestVersion), Interlocked.Increment(ref _lastCorrelationId), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        Fail(KafkaClientException.Unreachable($"The connection to {Address} is closed."));
        await _reading;
        _socket.Dispose();
        _writing.Dispose();
    }

    private async Task NegotiateAsync(CancellationToken cancellationToken)
    {
        var request = new ApiVersionsRequest { ClientSoftwareName = "loire", ClientSoftwareVersion = "0.1" };
        var answer = await SendAtVersionAsync<ApiVersionsRequest, ApiVersionsResponse>(request, version: 0, cancellationToken);
        KafkaClientException.ThrowIfError(answer.Response.ErrorCode, detail: null, $"The broker at {Address}");
        foreach (var api in answer.Response.ApiKeys)
            _brokerVersions[(ApiKey)api.ApiKey] = api;
    }

    private async Task<ResponseLease<TResponse>> SendAtVersionAsync<TRequest, TResponse>(
        TRequest request, short version, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var correlationId = Interlocked.Increment(ref _lastCorrelationId);
        var api = MessageCatalog.Find(TRequest.Info.ApiKey!.Value)!;
        var pending = new PendingResponse<TResponse>(version, api.ResponseHeaderVersion(version));
        _pending[correlationId] = pending;
        try
        {
            await WriteAsync(request, version, correlationId, cancellationToken);
            return await pending.Task.WaitAsync(_options.RequestTimeout, _options.TimeProvider, cancellationToken);
        }
        catch (TimeoutException exception)
        {
            // An answer that comes later finds nobody and is dropped.
            pending.Fail(exception);
            throw KafkaClientException.Unreachable(
                $"The broker at {Address} did not answer {api.ApiKey} within {_options.RequestTimeout.TotalSeconds:0.#} s.", exception);
        }
        finally
        {
            _pending.TryRemove(correlationId, out _);
        }
    }

    private async Task WriteAsync<TRequest>(
        TRequest request, short version, int correlationId, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            if (Volatile.Read(ref _failure) is { } failure)
                throw KafkaClientException.Unreachable(failure.Message, failure);
            WriteFrame(request, version, correlationId);
            // A frame is sent whole or the connection is lost: half of one would garble all that follow.
            var flush = _output.FlushAsync(CancellationToken.None);
            if (flush.IsCompleted)
                await flush;
            else
                await flush.AsTask().WaitAsync(_options.RequestTimeout, _options.TimeProvider, CancellationToken.None);
        }
        catch (TimeoutException exception)
        {
            throw Fail(KafkaClientException.Unreachable(
                $"The broker at {Address} has not taken a request for {_options.RequestTimeout.TotalSeconds:0.#} s.", exception));
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            throw Fail(KafkaClientException.Unreachable($"The connection to {Address} broke: {exception.Message}", exception));
        }
        finally
        {
            _writing.Release();
        }
    }

    private void WriteFrame<TRequest>(TRequest request, short version, int correlationId)
        where TRequest : class, IMessage<TRequest>
    {
        var apiKey = TRequest.Info.ApiKey!.Value;
        var headerVersion = MessageCatalog.Find(apiKey)!.RequestHeaderVersion(version);
        var header = new RequestHeader
        {
            RequestApiKey = (short)apiKey,
            RequestApiVersion = version,
            CorrelationId = correlationId,
            ClientId = _options.ClientId,
        };
        // Sizes first: a value that the version cannot carry is refused before anything is written.
        var size = header.SizeOf(headerVersion) + request.SizeOf(version);
        var writer = new WireWriter(_output);
        writer.WriteInt32(size);
        header.Write(ref writer, headerVersion);
        request.Write(ref writer, version);
        writer.Flush();
        Debug.Assert(_output.UnflushedBytes == sizeof(int) + size, "A frame has the size that it announces.");
    }

    private async Task ReadAnswersAsync()
    {
        try
        {
            while (true)
            {
                var result = await _input.ReadAtLeastAsync(2 * sizeof(int));
                if (result.Buffer.Length < 2 * sizeof(int))
                    break;
                var size = ReadInt32(result.Buffer);
                var correlationId = ReadInt32(result.Buffer.Slice(sizeof(int)));
                if (size < sizeof(int) || size > _options.ResponseSizeMaxBytes)
                    throw new IOException($"an answer of {size} bytes is announced; is this a Kafka broker?");
                _input.AdvanceTo(result.Buffer.GetPosition(sizeof(int)));
                var frame = await ReadFrameAsync(size);
                if (frame is null)
                    break;
                if (_pending.TryRemove(correlationId, out var pending))
                    pending.Complete(frame, size);
                else
                    ArrayPool<byte>.Shared.Return(frame);
            }
            Fail(KafkaClientException.Unreachable($"The broker at {Address} closed the connection."));
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or SocketException)
        {
            Fail(KafkaClientException.Unreachable($"The connection to {Address} broke: {exception.Message}", exception));
        }
    }

    /// <summary>What is not read ahead already of a large frame comes from the socket straight into its place.</summary>
    private async ValueTask<byte[]?> ReadFrameAsync(int size)
    {
        var frame = ArrayPool<byte>.Shared.Rent(size);
        var filled = 0;
        while (filled < size)
        {
            if (!_input.TryRead(out var result))
            {
                if (size - filled > SocketBufferSize)
                {
                    var read = await _stream.ReadAsync(frame.AsMemory(filled, size - filled));
                    if (read == 0)
                        return null;
                    filled += read;
                    continue;
                }
                result = await _input.ReadAsync();
            }
            var available = result.Buffer.Slice(0, Math.Min(result.Buffer.Length, size - filled));
            available.CopyTo(frame.AsSpan(filled));
            filled += (int)available.Length;
            _input.AdvanceTo(available.End);
            if (filled < size && result.IsCompleted)
                return null;
        }
        return frame;
    }

    private static int ReadInt32(ReadOnlySequence<byte> bytes)
    {
        Span<byte> scratch = stackalloc byte[sizeof(int)];
        bytes.Slice(0, sizeof(int)).CopyTo(scratch);
        return BinaryPrimitives.ReadInt32BigEndian(scratch);
    }

    /// <summary>Closes the connection once, for whatever reason comes first, and fails all that wait.</summary>
    private KafkaClientException Fail(KafkaClientException failure)
    {
        var first = Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
        _socket.Close();
        foreach (var correlationId in _pending.Keys)
        {
            if (_pending.TryRemove(correlationId, out var pending))
                pending.Fail(first);
        }
        return first;
    }
}
