using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Tests.Protocol.Client;

/// <summary>A TCP server that answers Kafka requests as a test tells it to. It knows one topic, "t".</summary>
internal sealed class ScriptedBroker : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly ConcurrentDictionary<ApiKey, Func<ReadOnlyMemory<byte>, short, Task<IMessage?>>> _handlers = new();
    private readonly CancellationTokenSource _stopping = new();
    private volatile bool _isPaused;
    private readonly Task _accepting;

    public ScriptedBroker(int partitions = 1)
    {
        _listener.Start();
        Answer<ApiVersionsRequest>(_ => new ApiVersionsResponse
        {
            ApiKeys = [.. MessageCatalog.Apis.Select(api => new ApiVersionsResponse.ApiVersion
            {
                ApiKey = (short)api.ApiKey,
                MinVersion = api.Request.LowestVersion,
                MaxVersion = api.Request.HighestVersion,
            })],
        });
        Answer<MetadataRequest>(_ => new MetadataResponse
        {
            ControllerId = new NodeId(1),
            Brokers = [new() { NodeId = new NodeId(1), Host = "127.0.0.1", Port = Port }],
            Topics =
            [
                new()
                {
                    Name = new TopicName("t"),
                    Partitions = [.. Enumerable.Range(0, partitions).Select(index => new MetadataResponse.MetadataResponsePartition
                    {
                        PartitionIndex = new PartitionIndex(index),
                        LeaderId = new NodeId(1),
                    })],
                },
            ],
        });
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Requests seen so far, in the order they came.</summary>
    public ConcurrentQueue<ApiKey> Seen { get; } = new();

    public void Answer<TRequest>(Func<TRequest, IMessage?> handler)
        where TRequest : class, IMessage<TRequest> => AnswerLater<TRequest>(request => Task.FromResult(handler(request)));

    /// <summary>Answers of one connection may overtake one another here, as no real broker does.</summary>
    public void AnswerLater<TRequest>(Func<TRequest, Task<IMessage?>> handler)
        where TRequest : class, IMessage<TRequest> =>
        _handlers[TRequest.Info.ApiKey!.Value] = (body, version) =>
        {
            var reader = new WireReader(new ReadOnlySequence<byte>(body));
            return handler(TRequest.Read(ref reader, version));
        };

    /// <summary>Reads nothing any more, as a process that is stopped.</summary>
    public void Pause() => _isPaused = true;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token)));
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException)
        {
            _listener.Stop();
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var connection = client;
        using var writing = new SemaphoreSlim(1);
        var answers = new List<Task>();
        try
        {
            var stream = connection.GetStream();
            var size = new byte[sizeof(int)];
            while (true)
            {
                await stream.ReadExactlyAsync(size, _stopping.Token);
                if (_isPaused)
                    await Task.Delay(Timeout.Infinite, _stopping.Token);
                var frame = new byte[BinaryPrimitives.ReadInt32BigEndian(size)];
                await stream.ReadExactlyAsync(frame, _stopping.Token);
                answers.Add(AnswerAsync(stream, writing, frame));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            connection.Close();
        }
        await Task.WhenAll(answers);
    }

    private async Task AnswerAsync(NetworkStream stream, SemaphoreSlim writing, byte[] frame)
    {
        var key = (ApiKey)BinaryPrimitives.ReadInt16BigEndian(frame);
        var version = BinaryPrimitives.ReadInt16BigEndian(frame.AsSpan(2));
        var correlationId = BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(4));
        Seen.Enqueue(key);
        var api = MessageCatalog.Find(key)!;
        var answer = await _handlers[key](Body(frame, api.RequestHeaderVersion(version)), version);
        if (answer is null)
            return;
        var output = new ArrayBufferWriter<byte>();
        WriteAnswer(output, answer, api.ResponseHeaderVersion(version), version, correlationId);
        await writing.WaitAsync();
        try
        {
            await stream.WriteAsync(output.WrittenMemory, _stopping.Token);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ObjectDisposedException)
        {
            stream.Close();
        }
        finally
        {
            writing.Release();
        }
    }

    private static ReadOnlyMemory<byte> Body(byte[] frame, short headerVersion)
    {
        var reader = new WireReader(new ReadOnlySequence<byte>(frame));
        RequestHeader.Read(ref reader, headerVersion);
        return frame.AsMemory((int)reader.Consumed);
    }

    private static void WriteAnswer(
        ArrayBufferWriter<byte> output, IMessage answer, short headerVersion, short version, int correlationId)
    {
        var header = new ResponseHeader { CorrelationId = correlationId };
        var writer = new WireWriter(output);
        writer.WriteInt32(header.SizeOf(headerVersion) + answer.SizeOf(version));
        header.Write(ref writer, headerVersion);
        answer.Write(ref writer, version);
        writer.Flush();
    }
}
