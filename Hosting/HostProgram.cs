using System.Reflection;
using Loire.Broker.Ports;
using Loire.Embedded;
using Loire.Embedded.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Loire.Hosting;

/// <summary>What the main program of every host does: arguments in, exit code out, and one line for what went
/// wrong.</summary>
public static class HostProgram
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    public static string Version { get; } =
        typeof(BrokerHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <param name="run">Runs the host until the signal comes, and returns the exit code.</param>
    public static async Task<int> RunAsync(string[] args, HostUsage usage, Func<IConfiguration, HostLogs, StopSignal, Task<int>> run)
    {
        using var stop = new StopSignal();
        HostLogs? logs = null;
        try
        {
            var line = CommandLine.Parse(args, usage.SettingsByOption);
            if (line.AsksForHelp || line.AsksForVersion)
            {
                Console.WriteLine(line.AsksForHelp ? usage.Help : Version);
                return Done;
            }

            var configuration = Configuration.Load(line);
            logs = HostLogs.Create(configuration);
            return await run(configuration, logs, stop);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            Announcer().StoppedEarly();
            return Done;
        }
        catch (Exception error) when (error is UsageException or FormatException or KafkaException)
        {
            Announcer().Failed(error.Message);
            return WrongUsage;
        }
        catch (Exception error) when (
            error is DataDirectoryException or LogStoreException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            Announcer().Failed(error.Message);
            return Failed;
        }
        finally
        {
            logs?.Dispose();
        }

        // Before the configuration is read nobody knows that logs are to be JSON.
        ILogger Announcer() => logs?.Announcer ?? PlainLines.Instance;
    }
}
