using System.Text.Json;
using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

/// <summary>Records that are no text.</summary>
public sealed class ConsumeBytesTests
{
    private static readonly byte[] Key = [0xC3, 0x28];
    private static readonly byte[] Value = [0x00, 0xFF, 0xFE, 0x41, 0x80];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Their_bytes_are_printed_as_they_are_and_as_base64_in_JSON()
    {
        await using var broker = await EmbeddedBroker.StartAsync(cancellationToken: Cancelled);
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.BootstrapServers });
        await using (var producer = await Producer.CreateAsync(client, new ProducerOptions(), Cancelled))
        {
            await AppendAsync(producer, Key, Value);
            await AppendAsync(producer, "key"u8.ToArray(), "grün"u8.ToArray());
            await producer.FlushAsync(Cancelled);
        }

        string[] consume = ["consume", "t", "-o", "beginning", "-n", "2", "-b", broker.BootstrapServers];
        (await PrintAsync([.. consume, "-k", "="])).ShouldBe(
            [.. Key, (byte)'=', .. Value, (byte)'\n', .. "key=grün\n"u8]);

        var run = await CliRun.RunAsync([.. consume, "--json"]);
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var first = JsonDocument.Parse(lines[0]).RootElement;
        first.GetProperty("value").GetProperty("base64").GetBytesFromBase64().ShouldBe(Value);
        first.GetProperty("key").GetProperty("base64").GetBytesFromBase64().ShouldBe(Key);
        JsonDocument.Parse(lines[1]).RootElement.GetProperty("value").GetString().ShouldBe("grün");
    }

    private static ValueTask AppendAsync(Producer producer, byte[] key, byte[] value) => producer.AppendAsync(
        new TopicName("t"), new PartitionIndex(0), key, value, default, timestampMs: 1, Cancelled);

    private static async Task<byte[]> PrintAsync(string[] arguments)
    {
        using var process = CliProcess.Start(arguments);
        using var printed = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(printed, Cancelled);
        await process.WaitForExitAsync(Cancelled);
        process.ExitCode.ShouldBe(0);
        return printed.ToArray();
    }
}
