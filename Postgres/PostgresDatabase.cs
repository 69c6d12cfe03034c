using Npgsql;

namespace Loire.Postgres;

/// <summary>The database that holds a cluster together, as silos and Orleans clients alike use it.</summary>
internal static class PostgresDatabase
{
    /// <summary>What Orleans' ADO.NET providers call Npgsql.</summary>
    public const string Invariant = "Npgsql";

    /// <summary>Of Orleans, as cluster id and as service id. A database holds one cluster.</summary>
    public const string ClusterName = "loire";

    /// <summary>Where in the database its tables are.</summary>
    private const string Schema = "loire";

    /// <summary>Connections that give up soon: who uses them goes on without the database, and asks again.</summary>
    public static NpgsqlDataSource Open(NpgsqlConnectionStringBuilder address, string applicationName)
    {
        const int timeoutSeconds = 5;
        var settings = new NpgsqlConnectionStringBuilder(address.ConnectionString)
        {
            SearchPath = Schema,
            ApplicationName = applicationName,
            Timeout = timeoutSeconds,
            CommandTimeout = timeoutSeconds,
            MaxPoolSize = 16,
        };
        return NpgsqlDataSource.Create(settings);
    }
}
