using System.Net;
using System.Net.Sockets;
using Loire.Broker.Ports;
using Loire.Client;
using Loire.Embedded;
using Loire.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Loire.Bench.Client;

/// <summary>A cluster of one broker in this process, and an Orleans client of it that comes by its gateway.</summary>
internal sealed class OneSilo : IAsyncDisposable
{
    private readonly IHost _silo;
    private readonly IHost _client;

    private OneSilo(IHost silo, IHost client) => (_silo, _client) = (silo, client);

    /// <summary>A client in the silo: a call stays in the process.</summary>
    public ILoireClient Inside => _silo.Services.GetRequiredService<ILoireClient>();

    /// <summary>A client over a connection, as from another process.</summary>
    public ILoireClient Outside => _client.Services.GetRequiredService<ILoireClient>();

    public IGrainFactory Grains => _silo.Services.GetRequiredService<IGrainFactory>();

    public IPartitionDirectory Partitions => _silo.Services.GetRequiredService<IPartitionDirectory>();

    /// <summary>Where Kafka clients connect to.</summary>
    public string Bootstrap => _silo.Services.GetRequiredService<LoireBroker>().Address.ToString();

    public static async Task<OneSilo> StartAsync(string directory)
    {
        var gateway = FreePort();
        var silo = Build(host => host.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(FreePort(), gateway);
            silo.AddLoireClient();
            silo.AddLoire(new LoireSiloOptions
            {
                Broker = new BrokerOptions { DataDirectory = directory, Listen = new HostPort("127.0.0.1", 0) },
            });
        }));
        await silo.StartAsync();
        var client = Build(host => host.UseOrleansClient(client =>
        {
            client.UseLocalhostClustering(gateway);
            client.AddLoireClient();
        }));
        await client.StartAsync();
        return new OneSilo(silo, client);
    }

    public async ValueTask DisposeAsync()
    {
        await _client.StopAsync();
        _client.Dispose();
        await _silo.StopAsync();
        _silo.Dispose();
    }

    private static IHost Build(Action<HostApplicationBuilder> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Error);
        configure(builder);
        return builder.Build();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
