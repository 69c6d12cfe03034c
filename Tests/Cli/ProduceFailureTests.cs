using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Protocol.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

/// <summary>What <c>loire produce</c> does when records are not taken.</summary>
public sealed class ProduceFailureTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_input_that_never_ends_is_left_at_the_first_failure()
    {
        await using var broker = Broker(ErrorCode.MessageTooLarge);
        using var producer = CliProcess.Start("produce", "t", "-b", broker.Address);
        await producer.StandardInput.WriteLineAsync("a line");
        await producer.StandardInput.FlushAsync(Cancelled);

        var error = await producer.StandardError.ReadToEndAsync(Cancelled).WaitAsync(Eventually.Patience, Cancelled);
        await producer.WaitForExitAsync(Cancelled);
        producer.ExitCode.ShouldBe(1, error);
        error.ShouldContain("1 records are not acknowledged. Producing to t-0: the batch is larger");
        error.ShouldContain("1 of 1 records are not acknowledged.");
    }

    [Fact]
    public async Task Told_to_keep_going_it_delivers_what_it_can_and_tells_the_rest()
    {
        await using var broker = await EmbeddedBroker.StartAsync(cancellationToken: Cancelled);
        string[] address = ["-b", broker.BootstrapServers];
        (await CliRun.RunAsync(["topics", "create", "t", "-p", "1", "-c", "max.message.bytes=1000", .. address])).ExitCode.ShouldBe(0);

        var run = await ProduceAsync(["one", new string('x', 600_000), "two"], ["--keep-going", .. address]);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldContain("error: 1 records are not acknowledged. Producing to t-0");
        run.Error.ShouldContain("error: 1 of 3 records are not acknowledged.");
        var read = await CliRun.RunAsync(["consume", "t", "-o", "beginning", "-e", .. address]);
        read.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(["one", "two"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(true, "--acks", "all")]
    [InlineData(false, "--acks", "1")]
    [InlineData(false, "--idempotent", "false")]
    public async Task It_is_idempotent_where_all_replicas_acknowledge(bool isIdempotent, params string[] args)
    {
        await using var broker = Broker(ErrorCode.None);
        var run = await ProduceAsync(["a line"], [.. args, "-b", broker.Address]);
        run.ExitCode.ShouldBe(0, run.Error);
        broker.Seen.Contains(ApiKey.InitProducerId).ShouldBe(isIdempotent);
    }

    private static ScriptedBroker Broker(ErrorCode answer)
    {
        var broker = new ScriptedBroker();
        broker.Answer<InitProducerIdRequest>(_ => new InitProducerIdResponse { ProducerId = new ProducerId(77), ProducerEpoch = 0 });
        broker.Answer<ProduceRequest>(_ => new ProduceResponse
        {
            Responses = [new() { Name = new("t"), PartitionResponses = [new() { Index = new(0), ErrorCode = answer }] }],
        });
        return broker;
    }

    private static async Task<CliRun> ProduceAsync(string[] lines, string[] args)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllLinesAsync(file, lines, Cancelled);
            return await CliRun.RunAsync(["produce", "t", "-f", file, .. args]);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
