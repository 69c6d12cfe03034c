using System.Text.Json;
using Loire.Tests.ClusterEngine.Engine;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

/// <summary>Commands that have to find the right one of two brokers.</summary>
public sealed class ClusterCommandTests
{
    [Fact]
    public async Task Each_broker_tells_its_own_settings_whichever_is_asked_first()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        foreach (var first in new[] { 1, 2 })
        {
            foreach (var described in new[] { "1", "2" })
                (await SettingsAsync(cluster[first], described)).ShouldNotBeEmpty();
        }

        var set = await CliRun.RunAsync("configs", "set", "broker", "2", "log.retention.ms=1234", "-b", cluster[1].Address);
        set.ExitCode.ShouldBe(0, set.Error);
        await Eventually.AnswersAsync(
            () => SettingsAsync(cluster[1], "2"), settings => settings.GetValueOrDefault("log.retention.ms") == "1234");
    }

    [Fact]
    public async Task A_partition_that_is_offline_hides_nothing_of_the_others()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        var topic = await cluster.CreateTopicAsync("orders", 2, 1);
        var lost = cluster.LeaderOf(topic, 0);
        var left = cluster.LeaderOf(topic, 1);
        await lost.KillAsync();
        await cluster.NoticeAsync(lost);

        var rows = await RowsAsync(left);
        rows.Select(row => row.GetProperty("leader").GetInt32()).ShouldBe([-1, left.Node.Value]);
        rows[0].GetProperty("endOffset").ValueKind.ShouldBe(JsonValueKind.Null);
        rows[1].GetProperty("endOffset").GetInt64().ShouldBe(0);
        (await RowsAsync(left, "--offline")).Single().GetProperty("partition").GetInt32().ShouldBe(0);

        var read = await CliRun.RunAsync("consume", "orders", "-p", "1", "-o", "beginning", "-e", "-b", left.Address);
        read.ExitCode.ShouldBe(0, read.Error);
    }

    private static async Task<List<JsonElement>> RowsAsync(TestBroker broker, params string[] args)
    {
        var run = await CliRun.RunAsync(["topics", "describe", "orders", .. args, "--json", "-b", broker.Address]);
        run.ExitCode.ShouldBe(0, run.Error);
        return [.. JsonDocument.Parse(run.Output).RootElement.EnumerateArray()];
    }

    private static async Task<Dictionary<string, string?>> SettingsAsync(TestBroker asked, string described)
    {
        var run = await CliRun.RunAsync("configs", "describe", "broker", described, "--all", "--json", "-b", asked.Address);
        run.ExitCode.ShouldBe(0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement.EnumerateArray()
            .ToDictionary(setting => setting.GetProperty("name").GetString()!, setting => setting.GetProperty("value").GetString());
    }
}
