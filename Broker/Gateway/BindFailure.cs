using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Loire.Broker.Gateway;

/// <summary>Says in one line why an address cannot be listened on.</summary>
public static class BindFailure
{
    /// <summary>True for what Kestrel throws when it cannot bind.</summary>
    public static bool Is(Exception error) => error is SocketException or IOException { InnerException: AddressInUseException };

    public static IOException Explain(Exception error, IEnumerable<IPEndPoint> endPoints)
    {
        var addresses = string.Join(" or ", endPoints);
        return error is SocketException socket
            ? new IOException($"Cannot listen on {addresses}: {socket.Message}.", error)
            : new IOException($"Cannot listen on {addresses}: the address is in use by another program.", error);
    }
}
