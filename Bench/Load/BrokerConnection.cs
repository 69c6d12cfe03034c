using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Bench.Load;

/// <summary>A blocking connection that sends prebuilt frames and hands out received ones in place. It does as little as a
/// client can, so that on two cores the broker is measured and not its client. One thread may send while another
/// receives.</summary>
public sealed class BrokerConnection : IDisposable
{
    private const int FrameSizeBytes = sizeof(int);
    private const int CorrelationIdPosition = 8;
    private const int InitialBufferBytes = 256 << 10;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _buffer = new byte[InitialBufferBytes];
    private int _start;
    private int _end;

    /// <exception cref="SocketException">Nobody listens there.</exception>
    public BrokerConnection(int port) => _socket.Connect(IPAddress.Loopback, port);

    /// <summary>A whole request as it goes over the wire.</summary>
    public static byte[] Frame<TRequest>(TRequest request, short version)
        where TRequest : class, IMessage<TRequest>
    {
        var info = TRequest.Info;
        var headerVersion = (short)(info.IsFlexible(version) ? 2 : 1);
        var header = new RequestHeader
        {
            RequestApiKey = (short)info.ApiKey!.Value,
            RequestApiVersion = version,
            ClientId = "loire-bench",
        };
        var sizeBytes = header.SizeOf(headerVersion) + request.SizeOf(version);
        var output = new ArrayBufferWriter<byte>(sizeBytes + FrameSizeBytes);
        var writer = new WireWriter(output);
        writer.WriteInt32(sizeBytes);
        header.Write(ref writer, headerVersion);
        request.Write(ref writer, version);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    public static void SetCorrelationId(Span<byte> frame, int correlationId) =>
        BinaryPrimitives.WriteInt32BigEndian(frame[CorrelationIdPosition..], correlationId);

    /// <summary>Reads a response out of a frame that <see cref="Receive"/> returned.</summary>
    public static TResponse Read<TResponse>(ReadOnlySequence<byte> frame, short version)
        where TResponse : class, IMessage<TResponse>
    {
        var reader = new WireReader(frame);
        var hasTags = TResponse.Info.IsFlexible(version) && TResponse.Info.ApiKey != ApiKey.ApiVersions;
        ResponseHeader.Read(ref reader, (short)(hasTags ? 1 : 0));
        return TResponse.Read(ref reader, version);
    }

    public void Send(ReadOnlySpan<byte> frame)
    {
        while (!frame.IsEmpty)
        {
            frame = frame[_socket.Send(frame)..];
        }
    }

    /// <summary>The next response, header included; valid until the next call.</summary>
    /// <exception cref="IOException">The broker closed the connection.</exception>
    public ReadOnlySequence<byte> Receive()
    {
        Fill(FrameSizeBytes);
        var sizeBytes = BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(_start));
        _start += FrameSizeBytes;
        Fill(sizeBytes);
        var frame = new ReadOnlySequence<byte>(_buffer, _start, sizeBytes);
        _start += sizeBytes;
        return frame;
    }

    /// <summary>Sends one request and waits for its response.</summary>
    public TResponse Call<TRequest, TResponse>(TRequest request, short version)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        Send(Frame(request, version));
        return Read<TResponse>(Receive(), version);
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Receives until <paramref name="bytes"/> bytes lie at the start.</summary>
    private void Fill(int bytes)
    {
        if (_end - _start >= bytes)
        {
            return;
        }

        if (_buffer.Length - _start < bytes)
        {
            var target = _buffer.Length >= bytes ? _buffer : new byte[(int)BitOperations.RoundUpToPowerOf2((uint)bytes)];
            _buffer.AsSpan(_start.._end).CopyTo(target);
            (_buffer, _start, _end) = (target, 0, _end - _start);
        }

        while (_end - _start < bytes)
        {
            var received = _socket.Receive(_buffer.AsSpan(_end));
            _end += received > 0 ? received : throw new IOException("the broker closed the connection");
        }
    }
}
