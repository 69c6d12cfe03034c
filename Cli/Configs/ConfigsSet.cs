using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol.Messages;

namespace Loire.Cli.Configs;

/// <summary><c>loire configs set topic|broker NAME SETTING=VALUE...</c></summary>
internal static class ConfigsSet
{
    private const sbyte SetOperation = 0;

    private static readonly Argument<string[]> Settings = Assignments.Argument("settings", "SETTING=VALUE, one or more");

    public static Command Create() =>
        new Command("set", "Change settings; those not named stay") { ConfigResource.Kind, ConfigResource.Entity, Settings }
            .Runs(async context =>
            {
                var resource = ConfigResource.From(context);
                var pairs = Assignments.Split(context.Get(Settings)).ToList();
                await resource.AlterAsync(context, pairs.Select(pair => new IncrementalAlterConfigsRequest.AlterableConfig
                {
                    Name = pair.Name,
                    Value = pair.Value,
                    ConfigOperation = SetOperation,
                }));
                context.Output.Done(
                    $"{resource}: set {string.Join(", ", pairs.Select(pair => $"{pair.Name}={pair.Value}"))}.",
                    new { set = pairs.ToDictionary(pair => pair.Name, pair => pair.Value) });
            });
}
