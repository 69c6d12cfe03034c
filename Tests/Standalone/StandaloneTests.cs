using System.Net;
using Loire.Protocol.Messages;
using Loire.Tests.Broker.Gateway;
using Shouldly;
using Xunit;

namespace Loire.Tests.Standalone;

public sealed class StandaloneTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("loire-test-").FullName;

    private string[] Arguments => ["--data", _data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task It_says_where_it_is_serves_clients_and_probes_and_stops_clean_on_SIGTERM()
    {
        await using var broker = new StandaloneProcess(Arguments);
        var (kafka, http) = await broker.WaitUntilReadyAsync();
        using (var client = new RawClient(IPEndPoint.Parse(kafka)))
        {
            await client.SendAsync(RawClient.Frame(new ApiVersionsRequest(), 0, 5));
            (await client.ReceiveCorrelationIdAsync()).ShouldBe(5);
        }

        using var probe = new HttpClient { BaseAddress = new Uri(http) };
        var cancellation = TestContext.Current.CancellationToken;
        (await probe.GetStringAsync("/health/live", cancellation)).ShouldBe("live\n");
        (await probe.GetStringAsync("/health/ready", cancellation)).ShouldBe("ready\n");

        // A request is counted when its answer is on its way, which the client may have by then.
        await Eventually.AnswersAsync(
            () => probe.GetStringAsync("/metrics", cancellation),
            metrics => metrics.Contains("loire_request_duration_seconds_count{api=\"ApiVersions\"} 1", StringComparison.Ordinal));
        (await broker.TerminateAsync()).ShouldBe(0);
        broker.Errors.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Unknown option --dta. Did you mean --data?", "--dta", "x")]
    [InlineData("--listen needs a value", "--listen")]
    [InlineData("Loire:Listen: 'nowhere' is not HOST:PORT", "--listen", "nowhere")]
    [InlineData("Loire:NodeId: 'one' is not a whole number", "--node-id", "one")]
    [InlineData("Did you mean num.partitions?", "--set", "num.partition=3")]
    [InlineData("num.partitions", "--set", "num.partitions=many")]
    [InlineData("there is no such file", "--config", "/nowhere.json")]
    public async Task A_wrong_argument_is_named_in_one_line(string expected, params string[] arguments)
    {
        await using var broker = new StandaloneProcess(["--data", _data, "--http", "none", .. arguments]);
        (await broker.WaitForExitAsync()).ShouldBe(2);
        broker.Errors.ShouldHaveSingleItem().ShouldContain(expected);
    }

    [Fact]
    public async Task An_unknown_setting_in_a_file_is_refused_by_name()
    {
        var file = Path.Combine(_data, "settings.json");
        await File.WriteAllTextAsync(file, """{ "Loire": { "Lisen": "localhost:1" } }""", TestContext.Current.CancellationToken);
        await using var broker = new StandaloneProcess("--config", file);
        (await broker.WaitForExitAsync()).ShouldBe(2);
        broker.Errors.ShouldHaveSingleItem().ShouldBe("loire: Unknown setting Loire:Lisen. Did you mean Listen?");
    }
}
