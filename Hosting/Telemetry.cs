using Loire.Embedded;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Loire.Hosting;

/// <summary>Sends metrics and traces by OTLP where OTEL_EXPORTER_OTLP_ENDPOINT is set, in the environment or in the
/// configuration; the other OTEL variables have their usual meaning.</summary>
public sealed class Telemetry : IDisposable
{
    private const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly MeterProvider _metrics;
    private readonly TracerProvider _traces;

    /// <param name="configuration">Where the exporters look for the OTEL variables themselves.</param>
    private Telemetry(IConfiguration configuration)
    {
        // What comes later wins: OTEL_SERVICE_NAME over our name.
        var resource = ResourceBuilder.CreateEmpty().AddTelemetrySdk().AddService("loire").AddEnvironmentVariableDetector();
        _metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .SetResourceBuilder(resource)
            .AddMeter(BrokerHost.MeterName, "System.Runtime")
            .AddOtlpExporter()
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .SetResourceBuilder(resource)
            .AddSource(BrokerHost.ActivitySourceName)
            .AddOtlpExporter()
            .Build();
    }

    /// <exception cref="UsageException">The endpoint is no address.</exception>
    public static Telemetry? Start(IConfiguration configuration)
    {
        if (configuration[EndpointKey] is not { Length: > 0 } endpoint) return null;
        return Uri.IsWellFormedUriString(endpoint, UriKind.Absolute)
            ? new Telemetry(configuration)
            : throw new UsageException($"{EndpointKey}: '{endpoint}' is not an address, for example http://localhost:4317.");
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _traces.Dispose();
    }
}
