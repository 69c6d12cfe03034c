using System.Reflection;
using Loire.Broker.Ports;
using Loire.Embedded;
using Loire.Embedded.Engine;
using Microsoft.Extensions.Configuration;

namespace Loire.Hosting;

/// <summary>What the main program of every host does: arguments in, exit code out, and one line on standard error for
/// what went wrong.</summary>
public static class HostProgram
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    public static string Version { get; } =
        typeof(BrokerHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <param name="run">Runs the host until the signal comes, and returns the exit code.</param>
    public static async Task<int> RunAsync(string[] args, HostUsage usage, Func<IConfiguration, StopSignal, Task<int>> run)
    {
        using var stop = new StopSignal();
        try
        {
            var line = CommandLine.Parse(args, usage.SettingsByOption);
            if (line.AsksForHelp || line.AsksForVersion)
            {
                Console.WriteLine(line.AsksForHelp ? usage.Help : Version);
                return Done;
            }

            return await run(Configuration.Load(line), stop);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            Console.WriteLine("Loire has stopped before it was ready.");
            return Done;
        }
        catch (Exception error) when (error is UsageException or FormatException or KafkaException)
        {
            await Console.Error.WriteLineAsync("loire: " + error.Message);
            return WrongUsage;
        }
        catch (Exception error) when (
            error is DataDirectoryException or LogStoreException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            await Console.Error.WriteLineAsync("loire: " + error.Message);
            return Failed;
        }
    }
}
