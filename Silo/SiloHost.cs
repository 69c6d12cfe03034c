using System.Net;
using System.Net.Sockets;
using Loire.Grains;
using Loire.Grains.Hosting;
using Loire.Hosting;
using Loire.Postgres;
using Loire.Silo.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Orleans.Configuration;

namespace Loire.Silo;

/// <summary>An Orleans silo with a broker in it, from its start to its end.</summary>
internal static class SiloHost
{
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(SiloSettings settings, HostServices services)
    {
        await using var database = settings.Cluster is null
            ? null
            : PostgresDatabase.Open(settings.Cluster, $"loire-broker-{settings.Host.Broker.NodeId}");
        if (database is not null) await PrepareAsync(database, settings.Cluster!, services);
        CheckPort(settings.ListenAddress, settings.SiloPort, "--silo-port");
        CheckPort(settings.ListenAddress, settings.GatewayPort, "--gateway-port");

        var host = Build(settings, services, database);
        var broker = host.Services.GetRequiredService<LoireBroker>();
        try
        {
            await host.StartAsync(services.Stop.Token);
        }
        catch
        {
            await AbandonAsync(host, broker, services);
            throw;
        }

        services.Health.Cluster = () => Describe(broker);
        services.Health.Warning = () => broker.Damage;
        services.Health.Ready(() => broker.Failure);
        services.AnnounceReady(broker.Address, broker.DataDirectory);
        await services.Stop.WaitAsync();
        services.Health.Stop();
        await StopAsync(host, broker, services);
        services.Announcer.Stopped();
        return broker.Failure is null ? HostProgram.Done : HostProgram.Failed;
    }

    /// <summary>Where the start failed the silo may be a member already, and leaves as one; Orleans refuses to stop it where
    /// it had not got that far.</summary>
    private static async Task AbandonAsync(IHost host, LoireBroker broker, HostServices services)
    {
        try
        {
            await StopAsync(host, broker, services);
        }
        catch (InvalidOperationException)
        {
            await ((IAsyncDisposable)host).DisposeAsync();
        }
    }

    /// <summary>A silo that cannot reach the database tries for minutes to say there that it leaves. The broker itself has
    /// stopped long before: it ends without that, and the others notice that it is gone.</summary>
    private static async Task StopAsync(IHost host, LoireBroker broker, HostServices services)
    {
        try
        {
            await host.StopAsync().WaitAsync(broker.StopTimeout + LeaveTimeout);
            await ((IAsyncDisposable)host).DisposeAsync();
        }
        catch (TimeoutException)
        {
            services.Announcer.Warned("The cluster could not be told that this broker leaves; the others will notice.");
            await broker.DisposeAsync();
        }
    }

    private static IHost Build(SiloSettings settings, HostServices services, NpgsqlDataSource? database) => new HostBuilder()
        .ConfigureServices(collection => collection
            .AddSingleton(services.Logs)
            .AddSingleton<IHostLifetime, NoSignals>()
            .AddSingleton<IFatalErrorHandler>(new FatalEnd(services)))
        .UseOrleans(silo =>
        {
            if (database is not null)
            {
                silo.UsePostgres(database, LoireStorage.Name);
            }
            else
            {
                silo.UseDevelopmentClustering(new IPEndPoint(settings.AdvertisedAddress, settings.SiloPort));
            }

            silo.Configure<ClusterOptions>(cluster => cluster.ClusterId = cluster.ServiceId = PostgresDatabase.ClusterName);
            silo.Configure<EndpointOptions>(endpoint =>
            {
                endpoint.AdvertisedIPAddress = settings.AdvertisedAddress;
                endpoint.SiloPort = settings.SiloPort;
                endpoint.GatewayPort = settings.GatewayPort;
                endpoint.SiloListeningEndpoint = new IPEndPoint(settings.ListenAddress, settings.SiloPort);
                if (settings.GatewayPort != 0)
                    endpoint.GatewayListeningEndpoint = new IPEndPoint(settings.ListenAddress, settings.GatewayPort);
            });
            silo.AddLoire(new LoireSiloOptions { Broker = settings.Host.Broker });
        })
        .Build();

    private static Task PrepareAsync(NpgsqlDataSource database, NpgsqlConnectionStringBuilder address, HostServices services)
    {
        var name = $"{address.Host}:{address.Port}/{address.Database}";
        var logger = services.Logs.CreateLogger<PostgresSchema>();
        return new PostgresSchema(database, name, services.Health, TimeProvider.System, logger).PrepareAsync(services.Stop.Token);
    }

    /// <summary>Orleans' own complaint names neither the port nor the option.</summary>
    private static void CheckPort(IPAddress address, int port, string option)
    {
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
        }
        catch (SocketException)
        {
            throw new IOException($"Cannot listen on {new IPEndPoint(address, port)}: give another {option}.");
        }
    }

    private static string Describe(LoireBroker broker)
    {
        var (reason, replicas) = broker.Health;
        return $"{reason ?? "ready"}\nled {replicas.Led}\nfollowing {replicas.Following}\nunder-replicated {replicas.UnderReplicated}\n"
            + $"under min.insync.replicas {replicas.UnderMinInSync}\noffline {replicas.Offline}";
    }
}
