using System.CommandLine;
using Loire.Cli.Shared;

namespace Loire.Cli.Configs;

/// <summary><c>loire configs describe topic|broker NAME</c></summary>
internal static class ConfigsDescribe
{
    private static readonly Option<bool> All = new("--all") { Description = "Also settings at their defaults" };

    public static Command Create() =>
        new Command("describe", "Show settings and where they come from") { ConfigResource.Kind, ConfigResource.Entity, All }
            .Runs(async context =>
            {
                var resource = ConfigResource.From(context);
                var result = await resource.DescribeAsync(context);
                var rows = result.Configs
                    .Where(config => context.Get(All) || config.ConfigSource != DefaultSource)
                    .Select(config => new Row(
                        config.Name, config.IsSensitive ? null : config.Value, Source(config.ConfigSource), config.ReadOnly))
                    .OrderBy(row => row.Name, StringComparer.Ordinal)
                    .ToList();
                context.Output.Rows(
                    rows,
                    ("Setting", row => row.Name),
                    ("Value", row => row.Value ?? "(hidden)"),
                    ("From", row => row.Source),
                    ("Read-only", row => row.IsReadOnly ? "yes" : ""));
                if (rows.Count == 0)
                    context.Output.Note("Every setting is at its default; --all shows them.");
            });

    private const sbyte DefaultSource = 5;

    private static string Source(sbyte code) => code switch
    {
        1 => "topic",
        2 => "broker, dynamic",
        3 => "all brokers, dynamic",
        4 => "broker's configuration",
        DefaultSource => "default",
        _ => "source " + code,
    };

    private sealed record Row(string Name, string? Value, string Source, bool IsReadOnly);
}
