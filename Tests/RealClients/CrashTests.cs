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

    /// <summary>kafkajs sends what it is handed at once: small batches, that a kill falls between two of them.</summary>
    private const int KafkaJsBatch = 50;

    [Theory]
    [InlineData(ClientKind.Confluent, true)]
    [InlineData(ClientKind.Confluent, false)]
    [InlineData(ClientKind.KafkaPython, false)]
    [InlineData(ClientKind.KafkaJs, true)]
    [InlineData(ClientKind.KafkaJs, false)]
    [InlineData(ClientKind.Kcat, true)]
    public async Task Kill_minus_9_under_load_loses_nothing_acknowledged(ClientKind kind, bool idempotent)
    {
        await using var broker = await BrokerProcess.StartAsync();
        await using var producer = ProducerProcess.Start(
            kind, broker.Bootstrap, Topic, idempotent: idempotent, batch: kind == ClientKind.KafkaJs ? KafkaJsBatch : 0);
        for (var round = 0; round < RoundCount; round++)
        {
            for (var i = 0; i < MessagesPerRound; i++) await producer.SendAsync(Next());
            await producer.SendUntilAcknowledgedAsync(Next);
            await broker.KillAsync();
            await broker.StartAgainAsync();
        }

        var (acknowledged, errors) = await producer.FinishAsync();
        errors.ShouldBeEmpty();
        acknowledged.Select(message => message.Value).Distinct(StringComparer.Ordinal).Count().ShouldBe(producer.SentCount);

        var log = await ReadAllAsync(broker);
        foreach (var (value, offset) in acknowledged)
        {
            log[(int)offset].ShouldBe(value, "an acknowledged message stays at its offset");
        }

        if (idempotent)
        {
            log.ShouldBe(Enumerable.Range(0, producer.SentCount).Select(i => $"m{i}"), "nothing doubled, nothing reordered");
        }

        string Next() => $"m{producer.SentCount}";
    }

    [Theory]
    [InlineData(ClientKind.Confluent)]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.KafkaJs)]
    [InlineData(ClientKind.Kcat)]
    public async Task A_clean_restart_in_the_middle_goes_unnoticed(ClientKind kind)
    {
        await using var broker = await BrokerProcess.StartAsync();
        await using var producer = ProducerProcess.Start(kind, broker.Bootstrap, Topic, batch: 1);
        for (var i = 0; i < 100; i++) await producer.SendAsync(Next());
        await producer.SendUntilAcknowledgedAsync(Next);
        (await broker.TerminateAsync()).ShouldBe(0);
        await broker.StartAgainAsync();
        for (var i = 0; i < 100; i++) await producer.SendAsync(Next());

        (await producer.FinishAsync()).Errors.ShouldBeEmpty();
        (await ReadAllAsync(broker)).Distinct(StringComparer.Ordinal)
            .ShouldBe(Enumerable.Range(0, producer.SentCount).Select(i => $"m{i}"));

        string Next() => $"m{producer.SentCount}";
    }

    private static async Task<List<string>> ReadAllAsync(BrokerProcess broker) =>
        (await Clients.ConsumeAllAsync(broker.Bootstrap, Topic)).ConvertAll(line => Message.Decode(line["value"])!);
}
