using Loire.Broker.Gateway;
using Loire.Embedded;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Loire.Hosting.Http;

/// <summary>/health/live, /health/ready and /metrics for probes and for Prometheus.</summary>
public sealed class StatusServer : IAsyncDisposable
{
    private readonly IHost _web;
    private readonly MetricsRegistry _metrics;

    private StatusServer(IHost web, MetricsRegistry metrics)
    {
        _web = web;
        _metrics = metrics;
        Address = web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
    }

    /// <summary>As a browser takes it; with the port that was bound where 0 was asked for.</summary>
    public string Address { get; }

    /// <param name="listen">Null for no server.</param>
    /// <exception cref="IOException">The address is in use.</exception>
    public static async Task<StatusServer?> StartAsync(HostPort? listen, Health health, ILoggerFactory logs)
    {
        if (listen is null) return null;
        var endPoints = listen.Resolve();
        var metrics = new MetricsRegistry(BrokerHost.MeterName, "System.Runtime");
        var web = new HostBuilder()
            .ConfigureServices(services => services.AddSingleton(logs).AddSingleton<IHostLifetime, NoSignals>())
            .ConfigureWebHost(host => host
                .UseKestrelCore()
                .ConfigureKestrel(kestrel =>
                {
                    kestrel.AddServerHeader = false;
                    foreach (var endPoint in endPoints) kestrel.Listen(endPoint);
                })
                .Configure(app => app.Run(context => AnswerAsync(context, health, metrics))))
            .Build();
        try
        {
            await web.StartAsync();
        }
        catch (Exception error)
        {
            web.Dispose();
            metrics.Dispose();
            if (BindFailure.Is(error)) throw BindFailure.Explain(error, endPoints);
            throw;
        }

        return new StatusServer(web, metrics);
    }

    public async ValueTask DisposeAsync()
    {
        await _web.StopAsync();
        _web.Dispose();
        _metrics.Dispose();
    }

    private static Task AnswerAsync(HttpContext context, Health health, MetricsRegistry metrics)
    {
        var response = context.Response;
        switch (context.Request.Path.Value)
        {
            case "/health/live":
                return response.WriteAsync("live\n");
            case "/health/ready":
                var reason = health.NotReadyBecause;
                response.StatusCode = reason is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                var warning = health.Warning?.Invoke() is { } text ? $"warning: {text}\n" : "";
                return response.WriteAsync((reason ?? "ready") + "\n" + warning);
            case "/health/cluster" when health.Cluster is { } cluster:
                return response.WriteAsync(cluster() + "\n");
            case "/metrics":
                response.ContentType = PrometheusText.ContentType;
                return response.WriteAsync(PrometheusText.Format(metrics.Collect()));
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                return response.WriteAsync("/health/live, /health/ready and /metrics are here\n");
        }
    }
}
