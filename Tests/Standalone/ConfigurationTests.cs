using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Loire.Protocol.Messages;
using Loire.Tests.Broker.Gateway;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Standalone;

/// <summary>Where the host takes its settings from, told to a real process.</summary>
public sealed class ConfigurationTests : IDisposable
{
    private const string EnvironmentName = "ConfigurationTests";

    /// <summary>Each source sets its own and all that stand before it to its own number.</summary>
    private static readonly string[] Configs =
    [
        "num.partitions", "log.retention.hours", "group.max.size", "offsets.retention.minutes", "offset.metadata.max.bytes",
        "max.request.partition.size.limit",
    ];

    private readonly string _directory = Directory.CreateTempSubdirectory("loire-test-").FullName;
    private readonly string _besideProgram = Path.Combine(AppContext.BaseDirectory, $"appsettings.{EnvironmentName}.json");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string[] Arguments => ["--data", Path.Combine(_directory, "data"), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

    public void Dispose()
    {
        File.Delete(_besideProgram);
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Arguments_win_over_the_environment_that_over_files_and_the_working_directorys_over_the_programs()
    {
        var configFile = Path.Combine(_directory, "more.json");
        await WriteAsync(_besideProgram, source: 6);
        await WriteAsync(Path.Combine(_directory, "appsettings.json"), source: 5);
        await WriteAsync(Path.Combine(_directory, $"appsettings.{EnvironmentName}.json"), source: 4);
        await WriteAsync(configFile, source: 3);
        var variables = SetBy(source: 2).ToDictionary(
            config => "Loire__Kafka__" + config.Key.Replace('.', '_'), config => config.Value, StringComparer.Ordinal);
        variables["DOTNET_ENVIRONMENT"] = EnvironmentName;
        var settings = SetBy(source: 1).SelectMany(config => new[] { "--set", $"{config.Key}={config.Value}" });

        await using var broker = new StandaloneProcess(variables, [.. Arguments, "--config", configFile, .. settings], _directory);
        (await DescribeAsync(broker)).ShouldBe(["1", "2", "3", "4", "5", "6"]);
    }

    [Fact]
    public async Task Without_an_environment_it_is_production()
    {
        await WriteAsync(Path.Combine(_directory, "appsettings.Production.json"), source: 6);
        await WriteAsync(Path.Combine(_directory, "appsettings.Development.json"), source: 5);
        var variables = new Dictionary<string, string>(StringComparer.Ordinal) { ["DOTNET_ENVIRONMENT"] = "" };
        await using var broker = new StandaloneProcess(variables, Arguments, _directory);
        (await DescribeAsync(broker)).ShouldAllBe(value => value == "6");
    }

    [Fact]
    public async Task Logs_are_single_lines_with_the_time_where_nothing_is_asked_for()
    {
        await using var broker = new StandaloneProcess(new Dictionary<string, string>(StringComparer.Ordinal), Arguments);
        await broker.WaitUntilReadyAsync();
        (await broker.WaitForLineAsync("Loire.Log.LogStore")).ShouldMatch(
            @"^\d\d:\d\d:\d\d\.\d\d\d info: Loire\.Log\.LogStore\[1\] Opened ");
    }

    [Theory]
    [InlineData("Logging__Console__FormatterName", "json")]
    [InlineData("Loire__LogFormat", "json")]
    public async Task Logs_are_lines_of_JSON_that_name_the_client_where_it_is_asked_for(string setting, string value)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal) { [setting] = value };
        await using var broker = new StandaloneProcess(variables, Arguments);
        var (kafka, _) = await broker.WaitUntilReadyAsync();
        using var client = new RawClient(IPEndPoint.Parse(kafka));
        await client.SendAsync(RawClient.Frame(MetadataRequest.Info, version: 1, correlationId: 1, body: [0, 0], "broken client"));

        var line = JsonNode.Parse(await broker.WaitForLineAsync("MalformedRequest"))!;
        ((string)line["LogLevel"]!).ShouldBe("Warning");
        ((string)line["State"]!["ClientId"]!).ShouldBe("broken client");
        ((string)line["State"]!["Remote"]!).ShouldBe(client.Socket.LocalEndPoint!.ToString());
    }

    private static Task WriteAsync(string file, int source) => File.WriteAllTextAsync(
        file, JsonSerializer.Serialize(new { Loire = new { Kafka = SetBy(source) } }), Cancelled);

    private static Dictionary<string, string> SetBy(int source) => Configs[..source].ToDictionary(
        config => config, _ => source.ToString(CultureInfo.InvariantCulture), StringComparer.Ordinal);

    /// <returns>The values of <see cref="Configs"/>.</returns>
    private static async Task<IEnumerable<string?>> DescribeAsync(StandaloneProcess broker)
    {
        var (kafka, _) = await broker.WaitUntilReadyAsync();
        return await BrokerConfigs.DescribeAsync(kafka, Configs);
    }
}
