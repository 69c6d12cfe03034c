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
    private readonly IReadOnlyList<IPEndPoint> _endPoints;
    private readonly GatewayOptions _options;
    private readonly List<ListenOptions> _listeners = [];
    private readonly Task<IHost> _container;
    private KafkaConnectionHandler? _handler;
    private IServer? _server;

    /// <summary>Gets ready to listen, in the background: in a new process that takes as long as to open the log.</summary>
    public KafkaServer(IReadOnlyList<IPEndPoint> endPoints, GatewayOptions options, TimeProvider time, ILoggerFactory logs)
    {
        _endPoints = endPoints;
        _options = options;
        _container = Task.Run(() => BuildContainer(time, logs));
    }

    /// <summary>Where clients reach it: the port that was bound where 0 was asked for.</summary>
    public IPEndPoint LocalEndPoint { get; private set; } = new(IPAddress.None, 0);

    /// <param name="handler">Of the connections; disposed with the server.</param>
    /// <exception cref="IOException">An address is in use or not one of this machine.</exception>
    public async Task StartAsync(KafkaConnectionHandler handler, CancellationToken cancellationToken)
    {
        _handler = handler;
        _server = (await _container).Services.GetRequiredService<IServer>();
        try
        {
            await _server.StartAsync(new NoHttp(), cancellationToken);
        }
        catch (Exception error) when (BindFailure.Is(error))
        {
            throw BindFailure.Explain(error, _endPoints);
        }

        LocalEndPoint = _listeners[0].IPEndPoint!;
    }

    /// <summary>Accepts no more, lets requests in flight be answered, and closes the connections.</summary>
    /// <param name="cancellationToken">Closes them at once.</param>
    public Task StopAsync(CancellationToken cancellationToken) =>
        _server?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        // Why it could not be made is told by the start.
        await ((Task)_container).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_container.IsCompletedSuccessfully) (await _container).Dispose();
        if (_handler is not null) await _handler.DisposeAsync();
    }

    private IHost BuildContainer(TimeProvider time, ILoggerFactory logs)
    {
        var container = new HostBuilder()
            .ConfigureServices(services => services.AddSingleton(logs))
            .ConfigureWebHost(web => web
                .UseKestrelCore()
                .UseSockets(Configure)
                // After Kestrel's own registration: the last one counts.
                .ConfigureServices(services => services.AddSingleton<IMemoryPoolFactory<byte>>(
                    new BlockMemoryPoolFactory(new BlockMemoryPool(time))))
                .ConfigureKestrel(Listen))
            .Build();
        // Made by the first who asks, which is what takes long.
        container.Services.GetRequiredService<IServer>();
        return container;
    }

    private void Listen(KestrelServerOptions kestrel)
    {
        foreach (var endPoint in _endPoints)
        {
            kestrel.Listen(endPoint, listener =>
            {
                listener.Run(connection => _handler!.OnConnectedAsync(connection));
                _listeners.Add(listener);
            });
        }
    }

    private void Configure(SocketTransportOptions sockets)
    {
        // A produce of 1 MB that is being handled, and the next one, which is received meanwhile.
        sockets.MaxReadBufferSize = 2 << 20;
        sockets.MaxWriteBufferSize = ResponseOutput.PipeBytesMax;
        sockets.WaitForDataBeforeAllocatingBuffer = true;
        // What serves a connection never blocks, so it goes on where the bytes arrived: on the way through the thread pool small
        // requests would pay more for waking threads than for all else.
        sockets.UnsafePreferInlineScheduling = true;
        sockets.CreateBoundListenSocket = endPoint =>
        {
            var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
            GuardAgainstDeadPeers(socket, _options);
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
