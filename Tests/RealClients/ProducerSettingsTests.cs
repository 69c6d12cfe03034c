using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>What a real producer's user sees with fewer acknowledgements, and with messages that are too large.</summary>
[Collection(nameof(RealClients))]
public sealed class ProducerSettingsTests(SharedBroker broker) : IClassFixture<SharedBroker>
{
    private const int MaxMessageBytes = 2_000;
    private const int BatchCount = 10;

    private static readonly string TooLarge = new('x', 2 * MaxMessageBytes);

    [Theory]
    [InlineData(ClientKind.Confluent, 0)]
    [InlineData(ClientKind.KafkaPython, 0)]
    [InlineData(ClientKind.KafkaJs, 0)]
    [InlineData(ClientKind.Kcat, 0)]
    [InlineData(ClientKind.Confluent, 1)]
    [InlineData(ClientKind.KafkaPython, 1)]
    [InlineData(ClientKind.KafkaJs, 1)]
    [InlineData(ClientKind.Kcat, 1)]
    public async Task With_fewer_acknowledgements_everything_arrives_in_order(ClientKind kind, int acks)
    {
        var topic = $"acks-{acks}-{kind}";
        await using var producer = ProducerProcess.Start(kind, broker.Bootstrap, topic, acks, batch: 1);
        await SendAsync(producer, "m");
        var (acknowledged, errors) = await producer.FinishAsync();
        errors.ShouldBeEmpty();
        if (acks > 0) acknowledged.ShouldBe(Batches("m").Select((value, offset) => (value, (long)offset)), ignoreOrder: true);
        (await Eventually.AnswersAsync(() => broker.ValuesAsync(topic), values => values.Length == BatchCount))
            .ShouldBe(Batches("m"));
    }

    /// <summary>As with Kafka: nobody reads an answer, so what cannot be taken closes the connection. What the client has sent on
    /// it by then is lost with it, and what it sends on the next is not. kcat reads its input in blocks, and so cannot be led
    /// through this.</summary>
    [Theory]
    [InlineData(ClientKind.Confluent)]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.KafkaJs)]
    public async Task With_acks_0_only_a_message_that_is_refused_costs_the_producer_its_connection(ClientKind kind)
    {
        var topic = $"nobody-{kind}";
        await broker.CreateTopicAsync(topic, settings: $"max.message.bytes={MaxMessageBytes}");
        await using var producer = ProducerProcess.Start(kind, broker.Bootstrap, topic, acks: 0, batch: 1);
        await SendAsync(producer, "before");
        await Eventually.AnswersAsync(() => broker.ValuesAsync(topic), values => values.Length == BatchCount);
        Closings().ShouldBe(0);

        await producer.SendAsync(TooLarge);
        var meanwhile = 0;
        await Eventually.AnswersAsync(
            async () =>
            {
                await producer.SendAsync($"meanwhile-{meanwhile++:0000}");
                return await broker.ValuesAsync(topic);
            },
            values => values.Length > BatchCount);
        await SendAsync(producer, "after");
        (await producer.FinishAsync()).Errors.ShouldBeEmpty("it cannot know");

        var values = await Eventually.AnswersAsync(() => broker.ValuesAsync(topic), values => values[^1] == Batches("after").Last());
        values[..BatchCount].ShouldBe(Batches("before"));
        values[^BatchCount..].ShouldBe(Batches("after"));
        var between = values[BatchCount..^BatchCount];
        between.ShouldAllBe(value => value.StartsWith("meanwhile", StringComparison.Ordinal));
        between.ShouldBeInOrder();
        Closings().ShouldBe(1);

        int Closings() => broker.Log.Count(line => line.Contains($"{topic}-0 was refused", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(ClientKind.Confluent, false, "MSG_SIZE_TOO_LARGE")]
    [InlineData(ClientKind.Confluent, true, "MSG_SIZE_TOO_LARGE")]
    [InlineData(ClientKind.KafkaPython, false, "MessageSizeTooLargeError")]
    [InlineData(ClientKind.KafkaJs, false, "MESSAGE_TOO_LARGE")]
    [InlineData(ClientKind.KafkaJs, true, "MESSAGE_TOO_LARGE")]
    [InlineData(ClientKind.Kcat, false, "Broker: Message size too large")]
    public async Task A_message_that_is_too_large_is_refused_by_name_and_the_producer_goes_on(
        ClientKind kind, bool idempotent, string error)
    {
        var topic = $"limited-{kind}-{idempotent}";
        await broker.CreateTopicAsync(topic, settings: $"max.message.bytes={MaxMessageBytes}");
        await using var producer = ProducerProcess.Start(kind, broker.Bootstrap, topic, idempotent: idempotent, batch: 1);
        foreach (var value in (string[])["one", TooLarge, "two"]) await producer.SendAsync(value);
        var (acknowledged, errors) = await producer.FinishAsync();
        errors.ShouldBe([error]);
        acknowledged.ConvertAll(message => message.Offset).ShouldBe([0, 1]);
        (await broker.ValuesAsync(topic)).ShouldBe(["one", "two"]);
    }

    /// <summary>KIP-74: the first message of a fetch is delivered, however large.</summary>
    [Theory]
    [InlineData(ClientKind.Confluent)]
    [InlineData(ClientKind.KafkaPython)]
    [InlineData(ClientKind.KafkaJs)]
    [InlineData(ClientKind.Kcat)]
    public async Task Messages_larger_than_a_fetch_are_delivered(ClientKind kind)
    {
        const int fetchBytes = 1_000;
        var topic = $"large-{kind}";
        await using var producer = ProducerProcess.Start(ClientKind.Kcat, broker.Bootstrap, topic, batch: 1);
        var values = Batches(TooLarge).ToList();
        foreach (var value in values) await producer.SendAsync(value);
        await producer.FinishAsync();
        var read = await Clients.ConsumeAsync(kind, broker.Bootstrap, topic, BatchCount, fetchBytes: fetchBytes);
        read.ConvertAll(line => Message.Decode(line["value"])!).ShouldBe(values);
    }

    /// <summary>Its time to wait for a coordinator would be a minute, and its message that it timed out.</summary>
    [Fact]
    public async Task A_producer_with_a_transactional_id_ends_with_the_reason()
    {
        await using var producer = ClientProcess.Start(
            "kcat", "-P", "-b", broker.Bootstrap, "-t", "transactional", "-X", "transactional.id=anything");
        producer.CloseInput();
        var failure = await Should.ThrowAsync<InvalidOperationException>(() => producer.FinishAsync());
        failure.Message.ShouldContain("Loire has no transactions yet");
    }

    private static async Task SendAsync(ProducerProcess producer, string name)
    {
        foreach (var value in Batches(name)) await producer.SendAsync(value);
    }

    private static IEnumerable<string> Batches(string name) => Enumerable.Range(0, BatchCount).Select(i => $"{name}-{i}");
}
