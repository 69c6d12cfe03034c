using System.Globalization;
using Loire.Embedded;
using Microsoft.Extensions.Configuration;

namespace Loire.Hosting;

/// <summary>Values as people write them. What is none is a <see cref="FormatException"/> whose message says why.</summary>
public static class SettingValue
{
    public static string Text(this IConfigurationSection entry) =>
        entry.Value ?? throw new FormatException("a single value is expected");

    public static int Int(this IConfigurationSection entry) =>
        int.TryParse(entry.Text(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"'{entry.Value}' is not a whole number from 0 to {int.MaxValue}");

    public static HostPort Address(this IConfigurationSection entry) => HostPort.Parse(entry.Text());
}
