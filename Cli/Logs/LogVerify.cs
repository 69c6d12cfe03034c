using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Log;

namespace Loire.Cli.Logs;

/// <summary><c>loire log verify DIR</c></summary>
internal static class LogVerify
{
    private static readonly Argument<DirectoryInfo> DataDirectory = new Argument<DirectoryInfo>("directory")
    {
        Description = "The data directory of a broker that is not running",
    }.AcceptExistingOnly();

    public static Command Create() =>
        new Command("verify", "Check every byte of a broker's log; changes nothing") { DataDirectory }.Runs(async context =>
        {
            var directory = context.Get(DataDirectory).FullName;
            var report = await LogReportPrinter.RunAsync(context, "Verifying", progress => LogVerifier.Verify(directory, progress));
            LogReportPrinter.Print(context.Output, report);
            if (!report.IsIntact)
                throw new CliException(ExitCode.Damaged, $"The log is damaged. 'loire log repair {directory}' cuts the damage out.");
        });
}
