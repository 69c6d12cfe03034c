using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Loire.Bench.Limits;

/// <summary>What one core receives over loopback from a sender on another one: no broker can take in more per core.</summary>
public static class LoopbackLimit
{
    private const int SendBytes = 1 << 20;
    private const int ReceiveBytes = 1 << 20;

    /// <returns>MB/s.</returns>
    public static double Measure(TimeSpan duration)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        using var sending = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        sending.Connect(listener.LocalEndPoint!);
        using var receiving = listener.Accept();
        var sender = new Thread(() => SendFor(sending, duration)) { Name = "loopback sender" };
        sender.Start();
        var buffer = new byte[ReceiveBytes];
        long total = 0;
        var start = Stopwatch.GetTimestamp();
        int received;
        while ((received = receiving.Receive(buffer)) > 0)
        {
            total += received;
        }

        var elapsed = Stopwatch.GetElapsedTime(start);
        sender.Join();
        return total / 1e6 / elapsed.TotalSeconds;
    }

    private static void SendFor(Socket socket, TimeSpan duration)
    {
        var buffer = new byte[SendBytes];
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            socket.Send(buffer);
        }

        socket.Shutdown(SocketShutdown.Send);
    }
}
