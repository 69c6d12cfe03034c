using Npgsql;

namespace Loire.Postgres;

/// <summary>Where the cluster's PostgreSQL is, as people write it.</summary>
internal static class PostgresAddress
{
    private static readonly string[] Schemes = ["postgres", "postgresql"];

    /// <param name="text">postgres://user:password@host:port/database?key=value, or Npgsql's key=value;key=value.</param>
    /// <exception cref="FormatException">It is neither. The message does not show the password.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string text)
    {
        try
        {
            var address = text.Contains("://", StringComparison.Ordinal) ? FromUri(text) : new NpgsqlConnectionStringBuilder(text);
            if (string.IsNullOrEmpty(address.Host)) throw new FormatException("it names no host");
            if (string.IsNullOrEmpty(address.Database)) throw new FormatException("it names no database");
            return address;
        }
        catch (Exception wrong) when (wrong is FormatException or ArgumentException or UriFormatException)
        {
            throw new FormatException(
                $"this is no address of a PostgreSQL database ({wrong.Message.TrimEnd('.')}): "
                + "write postgres://user:password@host:5432/database",
                wrong);
        }
    }

    private static NpgsqlConnectionStringBuilder FromUri(string text)
    {
        var uri = new Uri(text);
        if (!Schemes.Contains(uri.Scheme)) throw new FormatException($"{uri.Scheme}:// is not postgres://");
        var address = new NpgsqlConnectionStringBuilder { Host = uri.Host, Database = Uri.UnescapeDataString(uri.AbsolutePath.Trim('/')) };
        if (uri.Port > 0) address.Port = uri.Port;
        var user = uri.UserInfo.Split(':', 2);
        if (user[0].Length > 0) address.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1) address.Password = Uri.UnescapeDataString(user[1]);
        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            if (pair.Split('=', 2) is not [var key, var value]) throw new FormatException($"'{pair}' is not key=value");
            address[Uri.UnescapeDataString(key)] = Uri.UnescapeDataString(value);
        }

        return address;
    }
}
