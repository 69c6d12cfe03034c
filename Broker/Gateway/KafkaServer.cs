using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Gateway;

/// <summary>Kestrel, listening for Kafka clients. Only its connections are used: no HTTP, no web host.</summary>
public sealed class KafkaServer : IAsyncDisposable
{
    private readonly IHost _container;
    private readonly IServer _server;
    private readonly KafkaConnectionHandler _handler;

    private KafkaServer(IHost container, KafkaConnectionHandler handler)
    {
        _container = container;
        _server = container.Services.GetRequiredService<IServer>();
        _handler = handler;
    }

    /// <summary>Where clients reach it: the port that was bound where 0 was asked for.</summary>
    public IPEndPoint LocalEndPoint { get; private set; } = new(IPAddress.None, 0);

    /// <exception cref="IOException">An address is in use or not one of this machine.</exception>
    public static async Task<KafkaServer> StartAsync(
        IReadOnlyList<IPEndPoint> endPoints,
        KafkaConnectionHandler handler,
        GatewayOptions options,
        TimeProvider time,
        ILoggerFactory logs,
        CancellationToken cancellationToken)
    {
        var listeners = new List<ListenOptions>();
        var container = new HostBuilder()
            .ConfigureServices(services => services.AddSingleton(logs))
            .ConfigureWebHost(web => web
                .UseKestrelCore()
                .UseSockets(sockets => Configure(sockets, options))
                // After Kestrel's own registration: the last one counts.
                .ConfigureServices(services => services.AddSingleton<IMemoryPoolFactory<byte>>(
                    new BlockMemoryPoolFactory(new BlockMemoryPool(time))))
                .ConfigureKestrel(kestrel =>
                {
                    foreach (var endPoint in endPoints)
                    {
                        kestrel.Listen(endPoint, listener =>
                        {
                            listener.Run(handler.OnConnectedAsync);
                            listeners.Add(listener);
                        });
                    }
                }))
            .Build();
        var server = new KafkaServer(container, handler);
        try
        {
            await server._server.StartAsync(new NoHttp(), cancellationToken);
        }
        catch (Exception error)
        {
            await server.DisposeAsync();
            if (BindFailure.Is(error)) throw BindFailure.Explain(error, endPoints);
            throw;
        }

        server.LocalEndPoint = listeners[0].IPEndPoint!;
        return server;
    }

    /// <summary>Accepts no more, lets requests in flight be answered, and closes the connections.</summary>
    /// <param name="cancellationToken">Closes them at once.</param>
    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _container.Dispose();
        await _handler.DisposeAsync();
    }

    private static void Configure(SocketTransportOptions sockets, GatewayOptions options)
    {
        // A produce of 1 MB that is being handled, and the next one, which is received meanwhile.
        sockets.MaxReadBufferSize = 2 << 20;
        sockets.MaxWriteBufferSize = ResponseOutput.PipeBytesMax;
        sockets.WaitForDataBeforeAllocatingBuffer = true;
        sockets.CreateBoundListenSocket = endPoint =>
        {
            var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
            GuardAgainstDeadPeers(socket, options);
            return socket;
        };
    }

    /// <summary>Accepted sockets inherit these: a peer that vanished without a word is noticed by the kernel, also when
    /// what is left for it sits in the socket's buffer. Where an answer waits to be sent the <see cref="ConnectionWatch"/>
    /// comes first, and says so: the kernel tells a failure once, to our reader or our writer, and what the other one then
    /// finds may hide the reason.</summary>
    private static void GuardAgainstDeadPeers(Socket socket, GatewayOptions options)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        if (!OperatingSystem.IsLinux()) return;
        const int tcpLevel = 6, tcpUserTimeout = 18;
        var timeoutMs = options.SendTimeMaxMs(ResponseOutput.StretchBytes) + (long)ConnectionWatch.LatenessMax.TotalMilliseconds;
        socket.SetRawSocketOption(tcpLevel, tcpUserTimeout, BitConverter.GetBytes((int)Math.Min(timeoutMs, int.MaxValue)));
    }

    /// <summary>Kestrel asks for an HTTP application; no listener here speaks HTTP.</summary>
    private sealed class NoHttp : IHttpApplication<object>
    {
        public object CreateContext(IFeatureCollection contextFeatures) => throw new NotSupportedException();

        public Task ProcessRequestAsync(object context) => throw new NotSupportedException();

        public void DisposeContext(object context, Exception? exception)
        {
        }
    }
}
