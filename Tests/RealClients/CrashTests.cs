using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>The broker dies and returns while real producers go on.</summary>
[Collection(nameof(RealClients))]
public sealed class CrashTests
{
    private const string Topic = "survives";
    private const int RoundCount = 5;
    private const int MessagesPerRound = 2_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Kill_minus_9_under_load_loses_nothing_acknowledged(bool idempotent)
    {
        await using var broker = await BrokerProcess.StartAsync();
        await using var producer = ClientProcess.Start(ClientKind.Confluent, "produce", new JsonObject
        {
            ["bootstrap"] = broker.Bootstrap,
            ["topic"] = Topic,
            ["idempotent"] = idempotent,
        });
        var sent = 0;
        for (var round = 0; round < RoundCount; round++)
        {
            for (var i = 0; i < MessagesPerRound; i++)
            {
                await producer.WriteLineAsync(new Message(null, $"m{sent++}", 0).ToJson().ToJsonString());
            }

            await producer.WaitForAsync(line => line["offset"] is not null, "an acknowledgement");
            await broker.KillAsync();
            await broker.StartAgainAsync();
        }

        producer.CloseInput();
        var acknowledged = (await producer.FinishAsync()).Where(line => line["offset"] is not null)
            .ToDictionary(line => Message.Decode(line["value"])!, line => (long)line["offset"]!, StringComparer.Ordinal);
        acknowledged.Count.ShouldBe(sent);

        var log = await ReadAllAsync(broker);
        foreach (var (value, offset) in acknowledged)
        {
            log[(int)offset].ShouldBe(value, "an acknowledged message stays at its offset");
        }

        if (idempotent)
        {
            log.ShouldBe(Enumerable.Range(0, sent).Select(i => $"m{i}"), "nothing doubled, nothing reordered");
        }
    }

    [Theory]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.Confluent)]
    public async Task A_clean_restart_in_the_middle_goes_unnoticed(ClientKind kind)
    {
        await using var broker = await BrokerProcess.StartAsync();
        await using var producer = ClientProcess.Start(kind, "produce", new JsonObject
        {
            ["bootstrap"] = broker.Bootstrap,
            ["topic"] = Topic,
            ["each"] = true,
        });
        for (var i = 0; i < 200; i++)
        {
            await producer.WriteLineAsync(new Message(null, $"m{i}", 0).ToJson().ToJsonString());
            if (i == 100)
            {
                await producer.WaitForAsync(line => line["offset"] is not null, "an acknowledgement");
                (await broker.TerminateAsync()).ShouldBe(0);
                await broker.StartAgainAsync();
            }
        }

        producer.CloseInput();
        await producer.FinishAsync();
        (await ReadAllAsync(broker)).Distinct(StringComparer.Ordinal).ShouldBe(Enumerable.Range(0, 200).Select(i => $"m{i}"));
    }

    /// <summary>Reads the partition up to a last message that this writes, so that the count need not be known.</summary>
    private static async Task<List<string>> ReadAllAsync(BrokerProcess broker)
    {
        var last = await Clients.ProduceAsync(ClientKind.Confluent, broker.Bootstrap, Topic, [new Message(null, "end", 0)]);
        var end = (int)last[0]["offset"]!;
        var read = await Clients.ConsumeAsync(ClientKind.Confluent, broker.Bootstrap, Topic, end + 1);
        return read.Take(end).Select(line => Message.Decode(line["value"])!).ToList();
    }
}
