using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Loire.Embedded;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

/// <summary>The command line as a process that is a member of a group.</summary>
public sealed class GroupConsumeTests
{
    [Fact]
    public async Task Interrupted_it_has_committed_what_it_printed_and_leaves_the_group()
    {
        await using var broker = await EmbeddedBroker.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await RunAsync(broker, "topics", "create", "t", "-p", "1");
        await ProduceAsync(broker, "one", "two");

        using var consumer = CliProcess.Start("consume", "t", "-g", "g", "-o", "beginning", "-b", broker.BootstrapServers);
        var printed = new ConcurrentQueue<string>();
        consumer.OutputDataReceived += (_, line) => printed.Enqueue(line.Data ?? "");
        consumer.BeginOutputReadLine();
        await Eventually.IsTrueAsync(() => printed.Count >= 2, state: () => "it printed " + string.Join(", ", printed));
        printed.Take(2).ShouldBe(["one", "two"]);
        (await DescribeAsync(broker)).GetProperty("members").GetInt32().ShouldBe(1);

        using (var interrupt = Process.Start("kill", ["-INT", consumer.Id.ToString(CultureInfo.InvariantCulture)]))
            await interrupt.WaitForExitAsync(TestContext.Current.CancellationToken);
        await consumer.WaitForExitAsync(TestContext.Current.CancellationToken);

        consumer.ExitCode.ShouldBe(0);
        var group = await DescribeAsync(broker);
        group.GetProperty("members").GetInt32().ShouldBe(0);
        group.GetProperty("partitions")[0].GetProperty("committedOffset").GetInt64().ShouldBe(2);
    }

    [Fact]
    public async Task When_nobody_reads_its_output_any_more_it_stops_and_commits_no_more()
    {
        await using var broker = await EmbeddedBroker.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await RunAsync(broker, "topics", "create", "t", "-p", "1");
        await ProduceAsync(broker, "one");
        using var consumer = CliProcess.Start("consume", "t", "-g", "g", "-o", "beginning", "-b", broker.BootstrapServers);
        (await consumer.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("one");
        consumer.StandardOutput.Close();
        await ProduceAsync(broker, "two");

        await consumer.WaitForExitAsync(TestContext.Current.CancellationToken)
            .WaitAsync(Eventually.Patience, TestContext.Current.CancellationToken);
        consumer.ExitCode.ShouldBe(0);
        var group = await DescribeAsync(broker);
        group.GetProperty("members").GetInt32().ShouldBe(0);
        group.GetProperty("partitions")[0].GetProperty("committedOffset").GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task Partitions_of_a_group_are_not_to_be_chosen()
    {
        var run = await CliRun.RunAsync("consume", "t", "-g", "g", "-p", "0");
        run.ExitCode.ShouldBe(2);
        run.Error.ShouldContain("--partition");
    }

    private static async Task ProduceAsync(EmbeddedBroker broker, params string[] lines)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllLinesAsync(file, lines, TestContext.Current.CancellationToken);
        await RunAsync(broker, "produce", "t", "-f", file);
        File.Delete(file);
    }

    private static async Task<JsonElement> DescribeAsync(EmbeddedBroker broker) =>
        JsonDocument.Parse(await RunAsync(broker, "groups", "describe", "g", "--json")).RootElement;

    private static async Task<string> RunAsync(EmbeddedBroker broker, params string[] args)
    {
        var run = await CliRun.RunAsync([.. args, "-b", broker.BootstrapServers]);
        run.ExitCode.ShouldBe(0, run.Error);
        return run.Output;
    }
}
