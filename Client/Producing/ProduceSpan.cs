using System.Diagnostics;
using System.Text;
using Loire.Protocol.Records;

namespace Loire.Client;

/// <summary>The span of a record that is produced; its context travels in the record's headers (W3C Trace Context).</summary>
internal static class ProduceSpan
{
    public const string TraceParent = "traceparent";
    public const string TraceState = "tracestate";

    /// <param name="own">The caller's headers.</param>
    /// <param name="headers">With the trace's, where there is one that the caller did not give.</param>
    /// <returns>Null where nobody listens; not the current one of the caller.</returns>
    public static Activity? Start(
        string topic, ReadOnlyMemory<RecordHeader> own, out ReadOnlyMemory<RecordHeader> headers)
    {
        headers = own;
        var parent = Activity.Current;
        var span = LoireClientTelemetry.Source.HasListeners()
            ? LoireClientTelemetry.Source.StartActivity($"send {topic}", ActivityKind.Producer)
            : null;
        if (span is not null)
        {
            span.SetTag("messaging.system", "kafka");
            span.SetTag("messaging.operation.name", "send");
            span.SetTag("messaging.destination.name", topic);
            Activity.Current = parent;
        }
        if ((span ?? parent) is { IdFormat: ActivityIdFormat.W3C, Id: { } id } traced && !HasTrace(own.Span))
            headers = Join(own.Span, id, traced.TraceStateString);
        return span;
    }

    private static bool HasTrace(ReadOnlySpan<RecordHeader> headers)
    {
        foreach (var header in headers)
        {
            if (header.Name == TraceParent)
                return true;
        }
        return false;
    }

    private static RecordHeader[] Join(ReadOnlySpan<RecordHeader> own, string id, string? state)
    {
        var joined = new RecordHeader[own.Length + (state is null ? 1 : 2)];
        own.CopyTo(joined);
        joined[own.Length] = new RecordHeader(TraceParent, Encoding.ASCII.GetBytes(id));
        if (state is not null)
            joined[^1] = new RecordHeader(TraceState, Encoding.ASCII.GetBytes(state));
        return joined;
    }
}
