using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;
using Loire.Tests.Protocol;

namespace Loire.Tests.Broker.Gateway;

/// <summary>A client that says exactly what a test wants, in the pieces it wants.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly TcpClient _tcp = new(AddressFamily.InterNetwork) { NoDelay = true };
    private readonly NetworkStream _stream;

    public RawClient(IPEndPoint server)
    {
        _tcp.Connect(server);
        _stream = _tcp.GetStream();
    }

    public Socket Socket => _tcp.Client;

    public static byte[] Frame<T>(T request, short version, int correlationId, string clientId = "test-client")
        where T : class, IMessage<T>
    {
        var body = new ArrayBufferWriter<byte>();
        var writer = new WireWriter(body);
        request.Write(ref writer, version);
        writer.Flush();
        return Frame(T.Info, version, correlationId, body.WrittenSpan, clientId);
    }

    /// <param name="body">The request as its version writes it.</param>
    public static byte[] Frame(
        MessageInfo request, short version, int correlationId, ReadOnlySpan<byte> body, string clientId = "test-client")
    {
        var header = new ArrayBufferWriter<byte>();
        var writer = new WireWriter(header);
        writer.WriteInt32(0);
        writer.WriteInt16((short)request.ApiKey!.Value);
        writer.WriteInt16(version);
        writer.WriteInt32(correlationId);
        writer.WriteString(clientId, flexible: false);
        if (request.IsFlexible(version)) writer.WriteUVarint(0);
        writer.Flush();
        byte[] frame = [.. header.WrittenSpan, .. body];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - 4);
        return frame;
    }

    public static byte[] Heartbeat(string group, int correlationId) =>
        Frame(new HeartbeatRequest { GroupId = new(group) }, version: 3, correlationId);

    public static byte[] Produce(int correlationId, short acks = -1) =>
        Frame(new ProduceRequest { Acks = acks, TimeoutMs = correlationId }, version: 8, correlationId);

    public Task SendAsync(ReadOnlyMemory<byte> bytes) => _stream.WriteAsync(bytes, Timeout()).AsTask();

    public async Task<(int CorrelationId, T Response)> ReceiveAsync<T>(short version)
        where T : class, IMessage<T>
    {
        var (correlationId, response) = await ReceiveAsync(MessageCatalog.Find(T.Info.ApiKey!.Value)!, version);
        return (correlationId, (T)response);
    }

    public async Task<(int CorrelationId, IMessage Response)> ReceiveAsync(ApiMessages api, short version)
    {
        var frame = await ReceiveFrameAsync();
        return (BinaryPrimitives.ReadInt32BigEndian(frame), MessageCodec.Read(api.Response.Name, Body(), version));

        ReadOnlySequence<byte> Body()
        {
            var bytes = new ReadOnlySequence<byte>(frame, 4, frame.Length - 4);
            var reader = new WireReader(bytes);
            if (api.ResponseHeaderVersion(version) >= 1) reader.SkipTags("header");
            return bytes.Slice(reader.Consumed);
        }
    }

    public async Task<int> ReceiveCorrelationIdAsync() => BinaryPrimitives.ReadInt32BigEndian(await ReceiveFrameAsync());

    /// <summary>Completes when the server has closed the connection.</summary>
    public async Task WaitUntilClosedAsync()
    {
        var buffer = new byte[4096];
        try
        {
            while (await _stream.ReadAsync(buffer, Timeout()) > 0)
            {
            }
        }
        catch (IOException reset) when (reset.InnerException is SocketException)
        {
            // A reset is as closed as an end of stream.
        }
    }

    public void Dispose() => _tcp.Dispose();

    private async Task<byte[]> ReceiveFrameAsync()
    {
        var size = new byte[4];
        await _stream.ReadExactlyAsync(size, Timeout());
        var frame = new byte[BinaryPrimitives.ReadInt32BigEndian(size)];
        await _stream.ReadExactlyAsync(frame, Timeout());
        return frame;
    }

    private static CancellationToken Timeout() => new CancellationTokenSource(Eventually.Patience).Token;
}
