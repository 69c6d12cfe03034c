using Loire.Embedded;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Loire.Standalone;

/// <summary>Sends metrics and traces by OTLP where OTEL_EXPORTER_OTLP_ENDPOINT is set, in the environment or in the
/// configuration; the other OTEL variables have their usual meaning.</summary>
internal sealed class Telemetry : IDisposable
{
    private const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly MeterProvider _metrics;
    private readonly TracerProvider _traces;

    private Telemetry(Uri endpoint)
    {
        var resource = ResourceBuilder.CreateDefault().AddService("loire");
        _metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(BrokerHost.MeterName, "System.Runtime")
            .AddOtlpExporter(otlp => otlp.Endpoint = endpoint)
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(BrokerHost.MeterName)
            .AddOtlpExporter(otlp => otlp.Endpoint = endpoint)
            .Build();
    }

    /// <exception cref="UsageException">The endpoint is no address.</exception>
    public static Telemetry? Start(IConfiguration configuration)
    {
        if (configuration[EndpointKey] is not { Length: > 0 } endpoint) return null;
        return Uri.TryCreate(endpoint, UriKind.Absolute, out var uri)
            ? new Telemetry(uri)
            : throw new UsageException($"{EndpointKey}: '{endpoint}' is not an address, for example http://localhost:4317.");
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _traces.Dispose();
    }
}
