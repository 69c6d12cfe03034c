using System.Diagnostics.Metrics;
using System.Net;
using Loire.Broker.Gateway;
using Loire.Broker.Ports;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging;

namespace Loire.Tests.Broker.Gateway;

/// <summary>A gateway on a free port, with handlers that the test controls.</summary>
internal sealed class GatewayFixture : IAsyncDisposable
{
    private readonly KafkaServer _server;
    private readonly Meter _meter;
    private readonly LogLines _log;

    private GatewayFixture(KafkaServer server, Meter meter, LogLines log, StubHandlers handlers)
    {
        _server = server;
        _meter = meter;
        _log = log;
        Handlers = handlers;
    }

    public StubHandlers Handlers { get; }
    public IPEndPoint EndPoint => _server.LocalEndPoint;
    public IReadOnlyCollection<string> Log => _log.Lines;

    public static async Task<GatewayFixture> StartAsync(
        GatewayOptions? options = null, BrokerConfig? config = null, TimeProvider? time = null)
    {
        options ??= new GatewayOptions();
        time ??= TimeProvider.System;
        var handlers = new StubHandlers(new StubHeartbeat(), new StubProduce(), new StubFetch());
        var (meter, log) = (new Meter("Loire"), new LogLines());
        var logs = LoggerFactory.Create(builder => builder.AddProvider(log).AddFilter("Microsoft", LogLevel.None));
        var handler = new KafkaConnectionHandler(
            new RequestDispatcher([handlers.Heartbeat, handlers.Produce, handlers.Fetch]),
            new FixedBrokerConfigs(config ?? BrokerConfig.Default), options, meter, time, logs);
        var server = new KafkaServer([new IPEndPoint(IPAddress.Loopback, 0)], options, time, logs);
        await server.StartAsync(handler, CancellationToken.None);
        return new GatewayFixture(server, meter, log, handlers);
    }

    public RawClient Connect() => new(EndPoint);

    public Task StopAsync() => _server.StopAsync(CancellationToken.None);

    /// <summary>Waits until the log has a line that contains all of <paramref name="parts"/>.</summary>
    public Task ExpectLogAsync(params string[] parts) =>
        Eventually.IsTrueAsync(
            () => _log.Lines.Any(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))),
            state: () => $"no log line with {string.Join(", ", parts)} in: {string.Join('\n', _log.Lines)}");

    public async ValueTask DisposeAsync()
    {
        await _server.StopAsync(new CancellationToken(canceled: true));
        await _server.DisposeAsync();
        _meter.Dispose();
    }

    internal sealed record StubHandlers(StubHeartbeat Heartbeat, StubProduce Produce, StubFetch Fetch);
}
