using Loire.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Orleans.Configuration;

namespace Microsoft.Extensions.Hosting;

/// <summary>An Orleans client's way to a cluster of brokers.</summary>
public static class LoireClusterExtensions
{
    private const string DatabaseName = "loire";

    /// <summary>Connects the client to the brokers that run over a PostgreSQL database: it finds their gateways
    /// (<c>--gateway-port</c>) there.</summary>
    /// <param name="postgresAddress">What the brokers have as <c>--cluster</c>:
    /// postgres://user:password@host:5432/database.</param>
    /// <exception cref="FormatException">It is no such address.</exception>
    public static IClientBuilder UseLoireCluster(this IClientBuilder client, string postgresAddress)
    {
        var address = PostgresAddress.Parse(postgresAddress);
        client.Services.AddKeyedSingleton(DatabaseName, (_, _) => PostgresDatabase.Open(address, "loire-client"));
        client.Configure<ClusterOptions>(cluster => cluster.ClusterId = cluster.ServiceId = PostgresDatabase.ClusterName);
        return client.UseAdoNetClustering(options => options.Configure<IServiceProvider>((clustering, services) =>
        {
            clustering.Invariant = PostgresDatabase.Invariant;
            clustering.DataSource = services.GetRequiredKeyedService<NpgsqlDataSource>(DatabaseName);
        }));
    }
}
