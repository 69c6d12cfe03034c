using System.Diagnostics;

namespace Loire.Tests.Cli;

/// <summary>The command line as a process of its own, with its streams redirected.</summary>
internal static class CliProcess
{
    public static Process Start(params string[] args)
    {
        // Whoever runs the tests in the background may have them inherit that SIGINT is ignored.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", Path.Combine(AppContext.BaseDirectory, "loire"), .. args])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }
}
