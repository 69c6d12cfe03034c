using System.Diagnostics;
using Loire.Embedded;
using Loire.Hosting.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Loire.Hosting;

/// <summary>What a host has around its broker: logs, telemetry, health and metrics.</summary>
public sealed class HostServices : IAsyncDisposable
{
    // Not the process's own start time: ./run, which may build first, becomes the broker.
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private readonly Telemetry? _telemetry;
    private StatusServer? _status;

    private HostServices(IConfiguration configuration, HostLogs logs, StopSignal stop)
    {
        Stop = stop;
        Logs = logs.Factory;
        Announcer = logs.Announcer;
        _telemetry = Telemetry.Start(configuration);
    }

    public StopSignal Stop { get; }
    public Health Health { get; } = new();
    public ILoggerFactory Logs { get; }

    /// <inheritdoc cref="HostLogs.Announcer"/>
    public ILogger Announcer { get; }

    /// <param name="logs">The program's, which outlive these services.</param>
    /// <param name="stop">The program's too.</param>
    /// <exception cref="UsageException">The address of the telemetry is none.</exception>
    /// <exception cref="IOException">The address for health and metrics is in use.</exception>
    public static async Task<HostServices> StartAsync(
        IConfiguration configuration, HostSettings settings, HostLogs logs, StopSignal stop)
    {
        var services = new HostServices(configuration, logs, stop);
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
        var elapsedMs = (long)Stopwatch.GetElapsedTime(_startedAt).TotalMilliseconds;
        dataDirectory = Path.GetFullPath(dataDirectory);
        if (_status is null) Announcer.ReadyWithoutHttp(HostProgram.Version, elapsedMs, kafka, dataDirectory);
        else Announcer.Ready(HostProgram.Version, elapsedMs, kafka, dataDirectory, _status.Address);
    }

    public async ValueTask DisposeAsync()
    {
        if (_status is not null) await _status.DisposeAsync();
        _telemetry?.Dispose();
    }
}
