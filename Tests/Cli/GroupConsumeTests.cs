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
        var lines = Path.GetTempFileName();
        await File.WriteAllLinesAsync(lines, ["one", "two"], TestContext.Current.CancellationToken);
        await RunAsync(broker, "topics", "create", "t", "-p", "1");
        await RunAsync(broker, "produce", "t", "-f", lines);
        File.Delete(lines);

        using var consumer = new Process
        {
            // Whoever runs the tests in the background may have them inherit that SIGINT is ignored.
            StartInfo = new ProcessStartInfo("env",
            [
                "--default-signal=INT", Path.Combine(AppContext.BaseDirectory, "loire"),
                "consume", "t", "-g", "g", "-o", "beginning", "-b", broker.BootstrapServers,
            ])
            {
                RedirectStandardOutput = true,
            },
        };
        var printed = new ConcurrentQueue<string>();
        consumer.OutputDataReceived += (_, line) => printed.Enqueue(line.Data ?? "");
        consumer.Start();
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
    public async Task Partitions_of_a_group_are_not_to_be_chosen()
    {
        var run = await CliRun.RunAsync("consume", "t", "-g", "g", "-p", "0");
        run.ExitCode.ShouldBe(2);
        run.Error.ShouldContain("--partition");
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
