namespace Loire.Hosting;

/// <summary>The command line or the configuration is wrong. The message is one line for the person who wrote it.</summary>
public sealed class UsageException(string message) : Exception(message)
{
    /// <summary>" Did you mean …?" where one of <paramref name="known"/> is near.</summary>
    public static string Hint(string unknown, IEnumerable<string> known)
    {
        var nearest = known.MinBy(name => Distance(unknown, name));
        return nearest is not null && Distance(unknown, nearest) <= Math.Max(2, unknown.Length / 3)
            ? $" Did you mean {nearest}?"
            : $" Known are {string.Join(", ", known)}.";
    }

    /// <summary>Letters to insert, drop or change, case aside.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(change, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
