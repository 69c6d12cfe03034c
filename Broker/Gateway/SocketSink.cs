using System.Net.Sockets;
using Loire.Protocol.Records;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Loire.Broker.Gateway;

/// <summary>Sends straight to a connection's socket, on the thread that has the bytes, as much as the socket takes at once.
/// Only while nothing is left in the connection's pipe, whose bytes would come too late.</summary>
internal sealed class SocketSink : IRecordsSink
{
    private readonly Socket _socket;

    private SocketSink(Socket socket)
    {
        _socket = socket;
        _socket.Blocking = false;
    }

    /// <returns>Null where the transport has no socket, or something that changes the bytes lies between.</returns>
    public static SocketSink? Of(ConnectionContext connection) =>
        connection.Features.Get<ITlsHandshakeFeature>() is null
        && connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket
            ? new SocketSink(socket)
            : null;

    /// <inheritdoc/>
    /// <exception cref="SocketException">The connection is broken.</exception>
    /// <exception cref="ConnectionAbortedException">The transport has closed it.</exception>
    public int Take(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var taken = _socket.Send(bytes, SocketFlags.None, out var error);
            return error is SocketError.Success or SocketError.WouldBlock ? taken : throw new SocketException((int)error);
        }
        catch (ObjectDisposedException)
        {
            throw new ConnectionAbortedException();
        }
    }
}
