using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Loire.Protocol.Messages;
using Loire.Tests.Broker.Gateway;
using Microsoft.AspNetCore.Builder;
using Shouldly;
using Xunit;

namespace Loire.Tests.Standalone;

public sealed class TelemetryTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("loire-test-").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task Metrics_and_traces_reach_a_collector()
    {
        var received = new ConcurrentQueue<(string Path, string Body)>();
        await using var collector = WebApplication.CreateSlimBuilder().Build();
        collector.Urls.Add("http://127.0.0.1:0");
        collector.Run(async context =>
        {
            // The names in a protobuf message are plain text between its numbers.
            using var body = new StreamReader(context.Request.Body, Encoding.Latin1);
            received.Enqueue((context.Request.Path, await body.ReadToEndAsync(context.RequestAborted)));
            context.Response.ContentType = "application/x-protobuf";
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.Single(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            ["OTEL_SERVICE_NAME"] = "a-broker-of-mine",
        };

        await using var broker = new StandaloneProcess(
            environment, ["--data", _data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        var (kafka, _) = await broker.WaitUntilReadyAsync();
        using var client = new RawClient(IPEndPoint.Parse(kafka));
        await client.SendAsync(RawClient.Frame(new ApiVersionsRequest(), 0, 5));
        (await client.ReceiveCorrelationIdAsync()).ShouldBe(5);

        await ExpectAsync("/v1/traces", "a-broker-of-mine", "ApiVersions", "messaging.system", "kafka", "test-client");
        await ExpectAsync("/v1/metrics", "a-broker-of-mine", "loire.request.duration", "ApiVersions");

        Task ExpectAsync(string path, params string[] names) => Eventually.IsTrueAsync(
            () => received.Any(sent => sent.Path == path && names.All(name => sent.Body.Contains(name, StringComparison.Ordinal))),
            state: () => $"nothing with {string.Join(", ", names)} came to {path}, but {received.Count} requests to "
                + string.Join(", ", received.Select(sent => sent.Path).Distinct()));
    }
}
