using System.Diagnostics;

namespace Loire.Broker.Gateway;

/// <summary>A request as a span, from its arrival to its answer. There is none where nobody listens to the source. What a
/// span calls an error is a request that got no answer; error codes are the answer's business.</summary>
public static class RequestSpan
{
    /// <summary>Name of the <see cref="ActivitySource"/>.</summary>
    public const string SourceName = "Loire";

    private static readonly ActivitySource Source = new(SourceName);

    internal static Activity? Start(in Request request) =>
        Source.HasListeners() ? Start(request.Api.Name, request.Version, request.ClientId) : null;

    /// <param name="error">Why there is no answer; null where there is one.</param>
    internal static void End(Activity? span, Exception? error)
    {
        if (span is null) return;
        if (error is not null)
        {
            span.SetTag("error.type", error.GetType().FullName);
            span.SetStatus(ActivityStatusCode.Error, error.Message);
        }

        span.Dispose();
    }

    private static Activity? Start(string api, short version, string? clientId)
    {
        var span = Source.StartActivity(api, ActivityKind.Server);
        span?.SetTag("messaging.system", "kafka");
        span?.SetTag("messaging.kafka.api.version", (int)version);
        span?.SetTag("messaging.client.id", clientId);
        return span;
    }
}
