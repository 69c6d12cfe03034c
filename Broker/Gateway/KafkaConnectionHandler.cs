using System.Diagnostics.Metrics;
using System.Net;
using Loire.Broker.Ports;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Gateway;

/// <summary>Serves the Kafka protocol on the connections that Kestrel accepts.</summary>
public sealed class KafkaConnectionHandler : ConnectionHandler, IAsyncDisposable
{
    private readonly GatewayServices _services;
    private readonly ConnectionLimits _limits;
    private readonly ConnectionWatch _watch;

    public KafkaConnectionHandler(
        RequestDispatcher dispatcher,
        IBrokerConfigs configs,
        GatewayOptions options,
        Meter meter,
        TimeProvider time,
        ILoggerFactory logs)
    {
        var budget = new MemoryBudget(configs.Current.QueuedMaxRequestBytes ?? options.QueuedRequestBytesMax);
        var clock = new GatewayClock(time);
        _services = new GatewayServices(
            dispatcher, configs, options, budget, new GatewayMetrics(meter, budget), clock, logs.CreateLogger("Loire.Gateway"));
        _limits = new ConnectionLimits(configs);
        _watch = new ConnectionWatch(clock);
    }

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        var address = (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
        if (_limits.Enter(address) is { } limit)
        {
            _services.Log.ConnectionNotAccepted(connection.RemoteEndPoint, limit);
            _services.Metrics.Closed(CloseReason.TooManyConnections);
            connection.Abort();
            return;
        }

        var client = new KafkaConnection(connection, _services);
        _services.Metrics.Opened();
        _watch.Add(client);
        try
        {
            await client.RunAsync();
        }
        finally
        {
            _watch.Remove(client);
            _services.Metrics.Ended();
            _limits.Leave(address);
        }
    }

    public ValueTask DisposeAsync() => _watch.DisposeAsync();
}
