using Loire.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Loire.Silo.Postgres;

/// <summary>Makes the database ready at a silo's start, and waits for it while it is away.</summary>
internal sealed partial class PostgresSchema(NpgsqlDataSource database, string address, Health health, TimeProvider time, ILogger logger)
{
    /// <summary>Of schema.sql. Raise it with every change there.</summary>
    public const int Version = 1;

    /// <summary>Any number that other programs on this database will not take for a lock of theirs.</summary>
    private const long LockKey = 0x4C6F697265;

    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(2);

    /// <exception cref="UsageException">The database cannot be used as it is; the message says what mends it.</exception>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        string? told = null;
        while (true)
        {
            try
            {
                await TryPrepareAsync(cancellationToken);
                return;
            }
            catch (PostgresException refused) when (Mend(refused) is { } mend)
            {
                throw new UsageException($"PostgreSQL at {address}: {refused.MessageText}: {mend}.");
            }
            catch (Exception away) when (away is NpgsqlException or TimeoutException)
            {
                var reason = (away.InnerException ?? away).Message;
                if (reason != told) LogAway(logger, address, reason);
                health.Waits($"PostgreSQL at {address} cannot be reached: {reason}");
                told = reason;
                await Task.Delay(RetryPeriod, time, cancellationToken);
            }
        }
    }

    private async Task TryPrepareAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // Several silos may start at once: one makes the tables, and the others find them made.
        await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock({LockKey})", cancellationToken);
        var stored = await ReadVersionAsync(connection, cancellationToken);
        if (stored > Version)
        {
            throw new UsageException(
                $"PostgreSQL at {address} holds the cluster's state in version {stored}, this program knows version {Version}: "
                + "start the version of Loire that the other brokers run.");
        }

        if (stored == Version) return;
        await ExecuteAsync(connection, Script(), cancellationToken);
        await ExecuteAsync(connection, "DELETE FROM loire.SchemaVersion", cancellationToken);
        await ExecuteAsync(connection, $"INSERT INTO loire.SchemaVersion VALUES ({Version})", cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogMade(logger, address, Version);
    }

    private static async Task<int> ReadVersionAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var exists = new NpgsqlCommand("SELECT to_regclass('loire.SchemaVersion') IS NOT NULL", connection);
        if (!(bool)(await exists.ExecuteScalarAsync(cancellationToken))!) return 0;
        await using var version = new NpgsqlCommand("SELECT coalesce(max(Version), 0) FROM loire.SchemaVersion", connection);
        return (int)(await version.ExecuteScalarAsync(cancellationToken))!;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Script()
    {
        using var script = new StreamReader(typeof(PostgresSchema).Assembly.GetManifestResourceStream("schema.sql")!);
        return script.ReadToEnd();
    }

    /// <summary>What the person who started the silo has to do; null for what may pass by itself.</summary>
    private static string? Mend(PostgresException refused) => refused.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            "give the right user and password in --cluster",
        PostgresErrorCodes.InvalidCatalogName => "create the database, for example with createdb",
        PostgresErrorCodes.InsufficientPrivilege => "grant the user CREATE on the database, for the schema 'loire'",
        _ => null,
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "PostgreSQL at {Address} cannot be reached: {Reason} Trying again every 2 s.")]
    private static partial void LogAway(ILogger logger, string address, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Made the cluster's tables in PostgreSQL at {Address}, version {Version}")]
    private static partial void LogMade(ILogger logger, string address, int version);
}
