using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol.Messages;

namespace Loire.Cli.Configs;

/// <summary><c>loire configs unset topic|broker NAME SETTING...</c></summary>
internal static class ConfigsUnset
{
    private const sbyte DeleteOperation = 1;

    private static readonly Argument<string[]> Settings = new("settings")
    {
        Description = "The settings' names",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create() =>
        new Command("unset", "Put settings back to their defaults") { ConfigResource.Kind, ConfigResource.Entity, Settings }
            .Runs(async context =>
            {
                var resource = ConfigResource.From(context);
                var names = context.Get(Settings);
                await resource.AlterAsync(context, names.Select(name => new IncrementalAlterConfigsRequest.AlterableConfig
                {
                    Name = name,
                    Value = null,
                    ConfigOperation = DeleteOperation,
                }));
                context.Output.Done($"{resource}: unset {string.Join(", ", names)}.", new { unset = names });
            });
}
