using System.Diagnostics;
using System.Reflection;
using Loire.Broker.Ports;
using Loire.Embedded;
using Loire.Embedded.Engine;
using Loire.Standalone;
using Loire.Standalone.Http;
using Microsoft.Extensions.Logging.Console;

const int Done = 0, Failed = 1, WrongUsage = 2;

try
{
    var line = CommandLine.Parse(args);
    if (line.AsksForHelp || line.AsksForVersion)
    {
        Console.WriteLine(line.AsksForHelp ? CommandLine.Help : Version());
        return Done;
    }

    var configuration = StandaloneSettings.Load(line);
    return await RunAsync(configuration, StandaloneSettings.Read(configuration));
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

static async Task<int> RunAsync(IConfiguration configuration, StandaloneSettings settings)
{
    using var stop = new StopSignal();
    using var logs = CreateLogs(configuration, settings.LogsJson);
    using var telemetry = Telemetry.Start(configuration);
    var health = new Health();
    await using var status = await StatusServer.StartAsync(settings.HttpListen, health, logs);
    var broker = await BrokerHost.StartAsync(settings.Broker, logs, TimeProvider.System, stop.Token);
    await using (broker)
    {
        health.Watch(broker);
        Announce(broker, status);
        await stop.WaitAsync();
        health.Stop();
    }

    Console.WriteLine("Loire has stopped.");
    return broker.Failure is null ? Done : Failed;
}

static ILoggerFactory CreateLogs(IConfiguration configuration, bool json) => LoggerFactory.Create(builder =>
{
    builder.AddConfiguration(configuration.GetSection("Logging"));
    if (json) builder.AddJsonConsole(console => console.UseUtcTimestamp = true);
    else builder.AddSimpleConsole(console =>
    {
        console.SingleLine = true;
        console.TimestampFormat = "HH:mm:ss.fff ";
        console.ColorBehavior = LoggerColorBehavior.Default;
    });
});

static void Announce(BrokerHost broker, StatusServer? status)
{
    var sinceStart = DateTime.Now - Process.GetCurrentProcess().StartTime;
    var http = status is null ? "" : $", health and metrics on {status.Address}";
    Console.WriteLine(
        $"Loire {Version()} is ready after {sinceStart.TotalMilliseconds:F0} ms: Kafka clients connect to {broker.Address}, "
        + $"data in {Path.GetFullPath(broker.DataDirectory)}{http}");
}

static string Version() =>
    typeof(BrokerHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
