using System.Net;
using System.Net.Sockets;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Ports to listen on that are known beforehand. They are below those that the system hands out to
/// clients.</summary>
internal static class Ports
{
    private static int s_last = 21_099;

    public static int Take()
    {
        while (true)
        {
            var port = Interlocked.Increment(ref s_last);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // In use: the next one.
            }
        }
    }
}
