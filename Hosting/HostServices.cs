using System.Diagnostics;
using Loire.Embedded;
using Loire.Hosting.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Loire.Hosting;

/// <summary>What a host has around its broker: logs, telemetry, health and metrics.</summary>
public sealed class HostServices : IAsyncDisposable
{
    // Not the process's own start time: ./run, which may build first, becomes the broker.
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private readonly Telemetry? _telemetry;
    private StatusServer? _status;

    private HostServices(IConfiguration configuration, HostSettings settings, StopSignal stop)
    {
        Stop = stop;
        Logs = CreateLogs(configuration, settings.LogFormatter);
        _telemetry = Telemetry.Start(configuration);
    }

    public StopSignal Stop { get; }
    public Health Health { get; } = new();
    public ILoggerFactory Logs { get; }

    /// <param name="stop">The program's, which outlives these services.</param>
    /// <exception cref="UsageException">The address of the telemetry is none.</exception>
    /// <exception cref="IOException">The address for health and metrics is in use.</exception>
    public static async Task<HostServices> StartAsync(IConfiguration configuration, HostSettings settings, StopSignal stop)
    {
        var services = new HostServices(configuration, settings, stop);
        try
        {
            services._status = await StatusServer.StartAsync(settings.HttpListen, services.Health, services.Logs);
            return services;
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    /// <summary>The one line that says that all is well.</summary>
    public void AnnounceReady(HostPort kafka, string dataDirectory)
    {
        var sinceStart = Stopwatch.GetElapsedTime(_startedAt);
        var http = _status is null ? "" : $", health and metrics on {_status.Address}";
        Console.WriteLine(
            $"Loire {HostProgram.Version} is ready after {sinceStart.TotalMilliseconds:F0} ms: Kafka clients connect to {kafka}, "
            + $"data in {Path.GetFullPath(dataDirectory)}{http}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_status is not null) await _status.DisposeAsync();
        _telemetry?.Dispose();
        Logs.Dispose();
    }

    /// <summary>What is configured before the logger reads Logging:Console is a default, what is configured after it
    /// wins.</summary>
    private static ILoggerFactory CreateLogs(IConfiguration configuration, string? formatter) => LoggerFactory.Create(builder =>
    {
        builder.AddConfiguration(configuration.GetSection("Logging"));
        // Without a formatter's name the logger formats as it did before there were formatters, and looks at none of their options.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.FormatterName = ConsoleFormatterNames.Simple);
        builder.Services.Configure<JsonConsoleFormatterOptions>(console => console.UseUtcTimestamp = true);
        builder.Services.Configure<SimpleConsoleFormatterOptions>(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
        });
        builder.AddConsole();
        if (formatter is not null) builder.Services.Configure<ConsoleLoggerOptions>(console => console.FormatterName = formatter);
    });
}
