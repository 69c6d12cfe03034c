using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Loire.Tests.Cli;
using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>Consumers that say where they stand (KIP-392).</summary>
[Collection(nameof(RealClients))]
public sealed partial class RackTests
{
    private const string Topic = "near";
    private const int MessageCount = 500;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_real_consumer_reads_from_the_follower_in_its_rack()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        (await CliRun.RunAsync("topics", "create", Topic, "-p", "1", "-b", cluster.Bootstrap)).ExitCode.ShouldBe(0);
        var messages = Enumerable.Range(0, MessageCount).Select(i => new Message(null, $"m{i.ToString(CultureInfo.InvariantCulture)}"));
        await Clients.ProduceAsync(ClientKind.Confluent, cluster.Bootstrap, Topic, messages);

        var described = await CliRun.RunAsync("topics", "describe", Topic, "--json", "-b", cluster.Bootstrap);
        var leader = JsonDocument.Parse(described.Output).RootElement[0].GetProperty("leader").GetInt32();
        var follower = cluster.Silos.First(silo => silo.NodeId != leader);
        (await CountFetchesAsync(follower)).ShouldBe(0, "it leads nothing, so nobody has asked it yet");

        var read = await Clients.ConsumeAllAsync(cluster.Bootstrap, Topic, ProcessCluster.RackOf(follower.NodeId));
        read.Count.ShouldBe(MessageCount);
        await Eventually.AnswersAsync(() => CountFetchesAsync(follower), count => count > 0);
    }

    private static async Task<long> CountFetchesAsync(SiloProcess silo)
    {
        using var http = new HttpClient();
        var count = FetchCount().Match(await http.GetStringAsync(silo.Http + "/metrics", Cancelled));
        return count.Success ? long.Parse(count.Groups["count"].Value, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(
        """^loire_request_duration_seconds_count\{api="Fetch"\} (?<count>\d+)""",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex FetchCount();
}
