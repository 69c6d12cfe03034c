using Loire.Bench.Processes;
using Loire.Embedded;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

public sealed class CommandLineTests
{
    [Fact]
    public async Task Help_documents_the_exit_codes()
    {
        var run = await CliRun.RunAsync("--help");
        run.ExitCode.ShouldBe(0);
        run.Output.ShouldContain("Exit codes");
        foreach (var command in new[] { "topics", "configs", "groups", "produce", "consume", "log", "bench" })
            run.Output.ShouldContain(command);
    }

    [Theory]
    [InlineData("topics", "lst")]
    [InlineData("topics", "grow", "t")]
    [InlineData("topics", "elect")]
    [InlineData("topics", "delete", "t", "--dry-run")]
    [InlineData("topics", "create", "t", "--config", "retention.ms")]
    [InlineData("configs", "set", "galaxy", "t", "a=b")]
    [InlineData("produce", "t", "--codec", "rar")]
    [InlineData("produce", "t", "--acks", "2")]
    [InlineData("produce", "t", "--acks", "1", "--idempotent")]
    [InlineData("consume", "t", "--from", "yesterday-ish")]
    [InlineData("groups", "reset", "g", "--to", "soon")]
    [InlineData("groups", "reset", "g")]
    [InlineData("groups", "reset", "g", "--to", "end", "--shift-by", "-1")]
    [InlineData("bench", "produce", "t", "--in-flight", "6")]
    [InlineData("bench", "produce", "t", "--size", "-1")]
    [InlineData("bench", "produce", "t", "--in-flight", "0")]
    [InlineData("bench", "consume", "t", "--records", "-5000000000")]
    [InlineData("consume", "t", "--max", "-1")]
    [InlineData("produce", "t", "--linger-ms", "1e300")]
    [InlineData("topics", "list", "--timeout", "-1")]
    [InlineData("topics", "list", "--timeout", "1e300")]
    [InlineData("topics", "list", "--timeout", "NaN")]
    [InlineData("topics", "list", "--timeout", "soon")]
    [InlineData("log", "verify", "/nowhere/at/all")]
    public async Task A_wrong_command_line_is_exit_code_2(params string[] args)
    {
        var run = await CliRun.RunAsync(args);
        run.ExitCode.ShouldBe(2);
        run.Error.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task No_broker_is_exit_code_3_and_the_address_is_named()
    {
        var address = $"127.0.0.1:{LoopbackPort.Free()}";

        var run = await CliRun.RunAsync("topics", "list", "-b", address);
        run.ExitCode.ShouldBe(3);
        run.Error.ShouldContain(address);
    }

    [Fact]
    public async Task After_two_dashes_a_name_may_look_like_an_option()
    {
        await using var broker = await EmbeddedBroker.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        var run = await CliRun.RunAsync("topics", "create", "-b", broker.BootstrapServers, "--", "--dry-run");
        run.ExitCode.ShouldBe(0, run.Error);
    }

    [Fact]
    public async Task An_address_without_a_port_is_explained()
    {
        var run = await CliRun.RunAsync("topics", "list", "-b", "localhost");
        run.ExitCode.ShouldBe(3);
        run.Error.ShouldContain("HOST:PORT");
    }

    [Fact]
    public async Task A_directory_that_holds_no_log_is_refused()
    {
        var directory = Directory.CreateTempSubdirectory("loire-cli-");
        try
        {
            var run = await CliRun.RunAsync("log", "verify", directory.FullName);
            run.ExitCode.ShouldBe(1);
            run.Error.ShouldContain(directory.FullName);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
