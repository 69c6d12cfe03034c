using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace Loire.Silo.Postgres;

/// <summary>Membership and grain storage in PostgreSQL, by Orleans' ADO.NET providers.</summary>
internal static class PostgresCluster
{
    private const string Invariant = "Npgsql";
    private const string InnerStorageName = "postgres";

    /// <summary>Connections that give up soon: a broker goes on without the database, and asks again.</summary>
    public static NpgsqlDataSource Open(NpgsqlConnectionStringBuilder address, string applicationName)
    {
        const int timeoutSeconds = 5;
        var settings = new NpgsqlConnectionStringBuilder(address.ConnectionString)
        {
            SearchPath = "loire",
            ApplicationName = applicationName,
            Timeout = timeoutSeconds,
            CommandTimeout = timeoutSeconds,
            MaxPoolSize = 16,
        };
        return NpgsqlDataSource.Create(settings);
    }

    public static void UsePostgres(this ISiloBuilder silo, NpgsqlDataSource database, string storageName)
    {
        silo.UseAdoNetClustering((AdoNetClusteringSiloOptions clustering) =>
        {
            clustering.Invariant = Invariant;
            clustering.DataSource = database;
        });
        silo.AddAdoNetGrainStorage(InnerStorageName, builder => builder.Configure<IServiceProvider>((storage, services) =>
        {
            storage.Invariant = Invariant;
            storage.DataSource = database;
            if (services.GetKeyedService<IGrainStorageSerializer>(storageName) is { } serializer)
                storage.GrainStorageSerializer = serializer;
        }));
        silo.Services.AddGrainStorage(
            storageName, (services, _) => new ExactKeyStorage(services.GetRequiredKeyedService<IGrainStorage>(InnerStorageName)));
    }
}
