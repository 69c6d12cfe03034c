using System.Net;
using Loire.Bench.Processes;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Log;
using Loire.Protocol;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>A real broker with a log on disk and a Kafka port. It can be killed and started anew.</summary>
internal sealed class TestBroker : IAsyncDisposable
{
    private readonly InMemoryControllers _controllers;
    private readonly IReadOnlyDictionary<string, string> _kafka;
    private readonly ILoggerFactory _logs;
    private readonly int _port = LoopbackPort.Free();
    private string _directoryId = Guid.NewGuid().ToString();
    private ILogStore? _store;
    private ClusterView? _view;

    public TestBroker(InMemoryControllers controllers, int id, IReadOnlyDictionary<string, string> kafka)
    {
        _controllers = controllers;
        _kafka = kafka;
        Node = new NodeId(id);
        Control = new InMemoryControl(controllers);
        OpenStore = () => LogStore.Open(new LogStoreOptions
        {
            DataDirectory = DataDirectory,
            SegmentBytes = 16 << 20,
            MemoryBytes = 4 << 20,
            LoggerFactory = _logs!,
        });
        _logs = LoggerFactory.Create(builder => builder
            .SetMinimumLevel(LogLevel.Debug).AddFilter("Microsoft", LogLevel.None).AddProvider(LogLines));
    }

    public NodeId Node { get; }

    public InMemoryControl Control { get; }

    /// <summary>The clock of the next start.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    public LogLines LogLines { get; } = new();

    public string Address => $"127.0.0.1:{_port}";

    public string DataDirectory { get; private set; } = Directory.CreateTempSubdirectory("loire-").FullName;

    public bool IsUp => Broker is not null;

    /// <summary>Null while it is down.</summary>
    public ClusterBroker? Broker { get; private set; }

    public ILogStore Store => _store!;

    /// <summary>Gives the store at the next start.</summary>
    public Func<ILogStore> OpenStore { get; set; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var store = _store = OpenStore();
        _view = new ClusterView(_logs.CreateLogger<ClusterView>());
        var options = new ClusterBrokerOptions
        {
            Endpoint = new BrokerEndpoint(Node, "127.0.0.1", _port, Rack: null),
            Listen = [new IPEndPoint(IPAddress.Loopback, _port)],
            DirectoryId = _directoryId,
            Configs = ConfigLayers.FromHost(_kafka),
            StopTimeout = Eventually.Patience,
        };
        Broker = new ClusterBroker(options, store, Control, _view, Time, _logs);
        _controllers.SetLive(Node, _view);
        await Broker.StartAsync(cancellationToken);
    }

    /// <summary>Completes when it has acted upon all that it has learnt.</summary>
    public Task ToldAsync() => _view!.ToldAsync();

    /// <summary>Ends it as kill -9 would: nothing is handed over. The membership has yet to notice.</summary>
    public async Task KillAsync()
    {
        await Broker!.DisposeAsync();
        await CloseAsync();
    }

    /// <summary>Stops it as it should be.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await Broker!.StopAsync(cancellationToken);
        await CloseAsync();
    }

    /// <summary>While it is down: it comes back with nothing, as after the loss of its disk.</summary>
    public void LoseDirectory()
    {
        Directory.Delete(DataDirectory, recursive: true);
        DataDirectory = Directory.CreateTempSubdirectory("loire-").FullName;
        RenewDirectoryId();
    }

    /// <summary>While it is down: what it comes back with is not what it had.</summary>
    public void RenewDirectoryId() => _directoryId = Guid.NewGuid().ToString();

    public async ValueTask DisposeAsync()
    {
        if (IsUp) await KillAsync();
        Directory.Delete(DataDirectory, recursive: true);
        _logs.Dispose();
    }

    private async Task CloseAsync()
    {
        Broker = null;
        await _view!.DisposeAsync();
        await _store!.DisposeAsync();
    }
}
