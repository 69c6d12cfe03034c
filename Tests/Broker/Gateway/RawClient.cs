using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

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
        var output = new ArrayBufferWriter<byte>();
        var writer = new WireWriter(output);
        writer.WriteInt32(0);
        writer.WriteInt16((short)T.Info.ApiKey!.Value);
        writer.WriteInt16(version);
        writer.WriteInt32(correlationId);
        writer.WriteString(clientId, flexible: false);
        if (T.Info.IsFlexible(version)) writer.WriteUVarint(0);
        request.Write(ref writer, version);
        writer.Flush();
        var frame = output.WrittenSpan.ToArray();
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
        var frame = await ReceiveFrameAsync();
        return (BinaryPrimitives.ReadInt32BigEndian(frame), Parse(frame));

        T Parse(byte[] bytes)
        {
            var reader = new WireReader(new ReadOnlySequence<byte>(bytes, 4, bytes.Length - 4));
            if (MessageCatalog.Find(T.Info.ApiKey!.Value)!.ResponseHeaderVersion(version) >= 1) reader.SkipTags("header");
            var response = T.Read(ref reader, version);
            reader.EnsureEnd(T.Info.Name);
            return response;
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
