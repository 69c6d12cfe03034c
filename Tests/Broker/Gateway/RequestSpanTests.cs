using System.Collections.Concurrent;
using System.Diagnostics;
using Loire.Broker.Gateway;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Gateway;

public sealed class RequestSpanTests
{
    [Fact]
    public async Task A_request_is_a_span_that_ends_with_its_answer()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var spans = new Spans("span-test-answered");
        using var client = gateway.Connect();
        await client.SendAsync(RawClient.Frame(new ApiVersionsRequest(), 0, 1, spans.ClientId));
        await client.ReceiveCorrelationIdAsync();
        await Eventually.IsTrueAsync(() => !spans.Ended.IsEmpty);
        var span = spans.Ended.ShouldHaveSingleItem();
        (span.OperationName, span.Kind, span.Status).ShouldBe(("ApiVersions", ActivityKind.Server, ActivityStatusCode.Unset));
        span.GetTagItem("messaging.system").ShouldBe("kafka");
        span.GetTagItem("messaging.kafka.api.version").ShouldBe(0);
        span.GetTagItem("error.type").ShouldBeNull();
    }

    [Fact]
    public async Task A_request_without_an_answer_is_a_span_with_an_error()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var spans = new Spans("span-test-malformed");
        using var client = gateway.Connect();
        var frame = RawClient.Frame(new HeartbeatRequest { GroupId = new("g") }, 3, 1, spans.ClientId);
        // The length of the group's name, the first field after the header, says more than there is.
        frame[4 + 10 + spans.ClientId.Length] = 0x7f;
        await client.SendAsync(frame);
        await client.WaitUntilClosedAsync();
        await Eventually.IsTrueAsync(() => !spans.Ended.IsEmpty);
        var span = spans.Ended.ShouldHaveSingleItem();
        (span.OperationName, span.Status).ShouldBe(("Heartbeat", ActivityStatusCode.Error));
        span.GetTagItem("error.type").ShouldBe("Loire.Protocol.Wire.WireFormatException");
    }

    /// <summary>The spans of one client: other tests' gateways have the same source.</summary>
    private sealed class Spans : IDisposable
    {
        private readonly ActivityListener _listener;

        public Spans(string clientId)
        {
            ClientId = clientId;
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == RequestSpan.SourceName,
                Sample = (ref _) => ActivitySamplingResult.AllData,
                ActivityStopped = span =>
                {
                    if (span.GetTagItem("messaging.client.id") is string id && id == clientId) Ended.Enqueue(span);
                },
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public string ClientId { get; }
        public ConcurrentQueue<Activity> Ended { get; } = [];

        public void Dispose() => _listener.Dispose();
    }
}
