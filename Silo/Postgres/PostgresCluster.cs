using Loire.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace Loire.Silo.Postgres;

/// <summary>Membership and grain storage in PostgreSQL, by Orleans' ADO.NET providers.</summary>
internal static class PostgresCluster
{
    private const string InnerStorageName = "postgres";

    public static void UsePostgres(this ISiloBuilder silo, NpgsqlDataSource database, string storageName)
    {
        silo.UseAdoNetClustering((AdoNetClusteringSiloOptions clustering) =>
        {
            clustering.Invariant = PostgresDatabase.Invariant;
            clustering.DataSource = database;
        });
        silo.AddAdoNetGrainStorage(InnerStorageName, builder => builder.Configure<IServiceProvider>((storage, services) =>
        {
            storage.Invariant = PostgresDatabase.Invariant;
            storage.DataSource = database;
            if (services.GetKeyedService<IGrainStorageSerializer>(storageName) is { } serializer)
                storage.GrainStorageSerializer = serializer;
        }));
        silo.Services.AddGrainStorage(
            storageName, (services, _) => new ExactKeyStorage(services.GetRequiredKeyedService<IGrainStorage>(InnerStorageName)));
    }
}
