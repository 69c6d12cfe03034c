using System.CommandLine;
using System.CommandLine.Parsing;
using Loire.Cli.Benching;
using Loire.Cli.Brokers;
using Loire.Cli.Configs;
using Loire.Cli.Groups;
using Loire.Cli.Logs;
using Loire.Cli.Records;
using Loire.Cli.Shared;
using Loire.Cli.Topics;

namespace Loire.Cli;

/// <summary>The <c>loire</c> command line: its sub-commands, one class each.</summary>
internal static class LoireCommand
{
    private const string Description = """
        Talks to Loire, and to any broker that speaks the Kafka protocol.

        Exit codes:
          0  done
          1  the broker or a file refused; the message says what and why
          2  the command line is wrong
          3  no broker could be reached, or it did not answer in time
          4  'log verify' found damage
        """;

    public static async Task<int> RunAsync(string[] args, InvocationConfiguration configuration)
    {
        configuration.EnableDefaultExceptionHandler = false;
        var parsed = Create().Parse(args);
        if (FindUnknownOption(parsed, args) is { } unknown)
        {
            await configuration.Error.WriteLineAsync(
                $"error: There is no option {unknown} here. If it is a name, write it after '--'.");
            return ExitCode.Usage;
        }
        var exitCode = await parsed.InvokeAsync(configuration);
        return parsed.Errors.Count > 0 ? ExitCode.Usage : exitCode;
    }

    /// <summary>The parser takes an option that is not known for an argument: where a command takes many names,
    /// <c>topics delete t --dry-run</c> would delete t.</summary>
    private static string? FindUnknownOption(ParseResult parsed, string[] args) => args.Contains("--")
        ? null
        : parsed.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens)
            .Select(token => token.Value)
            .FirstOrDefault(value => value.StartsWith('-'));

    private static RootCommand Create()
    {
        var root = new RootCommand(Description)
        {
            Group("topics", "Topics and their partitions", TopicsList.Create(), TopicsDescribe.Create(), TopicsCreate.Create(),
                TopicsDelete.Create(), TopicsGrow.Create(), TopicsElect.Create()),
            Group("configs", "Settings of topics and brokers", ConfigsDescribe.Create(), ConfigsSet.Create(), ConfigsUnset.Create()),
            Group("groups", "Consumer groups, their lag and offsets", GroupsList.Create(), GroupsDescribe.Create(),
                GroupsReset.Create(), GroupsDelete.Create()),
            Group("brokers", "The brokers of a cluster", BrokersList.Create(), BrokersReplace.Create(),
                BrokersUnregister.Create()),
            ProduceCommand.Create(),
            ConsumeCommand.Create(),
            Group("log", "The log of a broker that is not running", LogVerify.Create(), LogRepair.Create()),
            Group("bench", "Quick load figures", BenchProduce.Create(), BenchConsume.Create()),
        };
        foreach (var option in CommonOptions.All)
            root.Options.Add(option);
        return root;
    }

    private static Command Group(string name, string description, params Command[] commands)
    {
        var group = new Command(name, description);
        foreach (var command in commands)
            group.Subcommands.Add(command);
        return group;
    }
}
