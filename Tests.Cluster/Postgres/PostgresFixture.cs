using Loire.Hosting;
using Loire.Postgres;
using Loire.Silo.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Xunit;

namespace Loire.Tests.Cluster.Postgres;

/// <summary>One server for all tests that need no server of their own; a test skips where there is none.</summary>
public sealed class PostgresFixture : IDisposable
{
    private readonly PrivatePostgres? _server;
    private readonly string _whyNot;

    public PostgresFixture() => _server = PrivatePostgres.TryStart(out _whyNot);

    public PrivatePostgres Server
    {
        get
        {
            if (_server is null) Assert.Skip(_whyNot);
            return _server;
        }
    }

    /// <summary>An empty database.</summary>
    internal async Task<NpgsqlDataSource> NewDatabaseAsync()
    {
        var address = PostgresAddress.Parse(Server.Address);
        await using (var admin = NpgsqlDataSource.Create(address))
        {
            address.Database = "test_" + Guid.NewGuid().ToString("N");
            await using var create = admin.CreateCommand($"CREATE DATABASE {address.Database}");
            await create.ExecuteNonQueryAsync();
        }

        return PostgresDatabase.Open(address, "test");
    }

    internal static PostgresSchema Schema(NpgsqlDataSource database, Health? health = null) =>
        new(database, "here", health ?? new Health(), TimeProvider.System, NullLogger.Instance);

    public void Dispose() => _server?.Dispose();
}
