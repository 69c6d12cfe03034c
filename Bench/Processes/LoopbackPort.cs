using System.Net;
using System.Net.Sockets;

namespace Loire.Bench.Processes;

/// <summary>Ports of this machine for programs that are told beforehand where to listen. They lie below those that systems
/// hand out by themselves, so that no client's connection can take one while its program is down.</summary>
public static class LoopbackPort
{
    private const int First = 20_000;
    private const int End = 32_000;

    private static readonly Lock Gate = new();

    // Processes that run at the same time begin at different places.
    private static int s_next = First + (Environment.ProcessId * 61 % (End - First));

    /// <summary>A port on which nobody listens, not given before by this process.</summary>
    public static int Free() => Free(1);

    /// <summary>The first of <paramref name="count"/> such ports in a row.</summary>
    public static int Free(int count)
    {
        lock (Gate)
        {
            for (var tried = 0; tried < End - First; tried += count)
            {
                if (s_next + count > End) s_next = First;
                var first = s_next;
                s_next += count;
                if (Enumerable.Range(first, count).All(IsFree)) return first;
            }
        }

        throw new InvalidOperationException($"There are no {count} free ports in a row from {First} to {End - 1}.");
    }

    /// <summary>Whether nobody listens on it at this moment.</summary>
    public static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
