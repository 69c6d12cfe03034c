using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Log;

namespace Loire.Cli.Logs;

/// <summary><c>loire log repair DIR</c></summary>
internal static class LogRepair
{
    private static readonly Argument<DirectoryInfo> DataDirectory = new Argument<DirectoryInfo>("directory")
    {
        Description = "The data directory of a broker that is not running",
    }.AcceptExistingOnly();

    private static readonly Option<bool> Yes = new("--yes")
    {
        Description = "Accept that what 'log verify' calls lost is lost",
    };

    public static Command Create() =>
        new Command("repair", "Cut damage out of a broker's log, so that it can start") { DataDirectory, Yes }.Runs(async context =>
        {
            if (!context.Get(Yes))
                throw new CliException(ExitCode.Usage, "Look at what 'loire log verify' says is lost, then repeat with --yes.");
            var directory = context.Get(DataDirectory).FullName;
            var report = await LogReportPrinter.RunAsync(context, "Repairing", progress => LogRepairer.Repair(directory, progress));
            LogReportPrinter.Print(context.Output, report);
        });
}
