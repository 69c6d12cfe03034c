using System.Buffers;
using System.Text;
using Loire.Broker.Gateway;
using Loire.Broker.Ports;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Gateway;

public sealed class HostileClientTests
{
    public static TheoryData<string, byte[], string> Garbage => new()
    {
        { "HTTP", Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "\"GET \"" },
        { "TLS", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], "TLS" },
        { "negative size", [0xFF, 0xFF, 0xFF, 0xFF], "-1 bytes" },
        { "too large", [0x7F, 0x00, 0x00, 0x01], "socket.request.max.bytes" },
        { "too large for its API", [0x00, 0x90, 0x00, 0x00, 0, 12], "a Heartbeat request of 9437184 bytes; 8388608 are the most" },
        { "too small", [0, 0, 0, 4, 0, 0, 0, 0], "at least 8" },
        { "unknown API", [0, 0, 0, 10, 0x0F, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0], "API 4095" },
        { "unsupported version", [0, 0, 0, 10, 0, 12, 0, 99, 0, 0, 0, 1, 0, 0], "version 99 of Heartbeat" },
        { "API not served", [0, 0, 0, 10, 0, 27, 0, 1, 0, 0, 0, 1, 0, 0], "WriteTxnMarkers (27)" },
        { "truncated header", [0, 0, 0, 8, 0, 12, 0, 3, 0, 0, 0, 1], "header" },
        { "too many elements", ManyTopics(600_000), "500000 are the most" },
        { "truncated body", [0, 0, 0, 10, 0, 12, 0, 3, 0, 0, 0, 1, 0xFF, 0xFF], "Heartbeat" },
    };

    /// <summary>A Produce that costs the broker an object for every three of its bytes.</summary>
    private static byte[] ManyTopics(int count)
    {
        var request = new ProduceRequest { TopicData = [.. Enumerable.Repeat(new ProduceRequest.TopicProduceData(), count)] };
        return RawClient.Frame(request, version: 9, correlationId: 1);
    }

    private static GatewayOptions TightMemory => new() { QueuedRequestBytesMax = 50_000, SmallFrameBytes = 1_000 };

    private static byte[] LargeProduce(int correlationId, int sizeBytes)
    {
        var topic = new ProduceRequest.TopicProduceData
        {
            PartitionData = [new() { Records = new RecordsPayload(new ReadOnlySequence<byte>(new byte[sizeBytes])) }],
        };
        return RawClient.Frame(new ProduceRequest { Acks = -1, TopicData = [topic] }, version: 8, correlationId);
    }

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task Garbage_closes_its_own_connection_with_one_logged_reason(string kind, byte[] bytes, string reason)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var good = gateway.Connect();
        using var bad = gateway.Connect();
        await bad.SendAsync(bytes);
        await bad.WaitUntilClosedAsync();
        await gateway.ExpectLogAsync(bad.Socket.LocalEndPoint!.ToString()!, reason);
        gateway.Log.Count.ShouldBe(1, kind);
        await good.SendAsync(RawClient.Heartbeat("group", 7));
        (await good.ReceiveCorrelationIdAsync()).ShouldBe(7);
    }

    [Fact]
    public async Task A_frame_may_arrive_byte_by_byte()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = gateway.Connect();
        foreach (var value in RawClient.Heartbeat("group", 9)) await client.SendAsync(new[] { value });
        (await client.ReceiveCorrelationIdAsync()).ShouldBe(9);
    }

    [Fact]
    public async Task A_frame_whose_first_half_was_read_before_is_served_when_the_second_has_come()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = gateway.Connect();
        for (var round = 0; round < 50; round++)
        {
            var whole = RawClient.Heartbeat("group", round);
            var halved = RawClient.Heartbeat("group", 1_000 + round);
            await client.SendAsync(whole.Concat(halved[..(halved.Length / 2)]).ToArray());
            (await client.ReceiveCorrelationIdAsync()).ShouldBe(round);
            await client.SendAsync(halved[(halved.Length / 2)..]);
            (await client.ReceiveCorrelationIdAsync()).ShouldBe(1_000 + round);
        }
    }

    [Fact]
    public async Task A_client_that_starts_a_frame_and_does_not_end_it_is_cut_off()
    {
        await using var gateway = await GatewayFixture.StartAsync(new GatewayOptions { ReceiveTimeoutMs = 100 });
        using var client = gateway.Connect();
        await client.SendAsync(RawClient.Heartbeat("group", 1).AsMemory(0, 6));
        await client.WaitUntilClosedAsync();
        await gateway.ExpectLogAsync("SlowSender");
    }

    [Fact]
    public async Task A_silent_client_is_cut_off_and_one_that_waits_for_an_answer_is_not()
    {
        var time = new FakeTime();
        await using var gateway = await GatewayFixture.StartAsync(config: new BrokerConfig { ConnectionsMaxIdleMs = 60_000 }, time: time);
        using var waiting = gateway.Connect();
        using var producing = gateway.Connect();
        var answer = new TaskCompletionSource<HeartbeatResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
        var isWaiting = false;
        gateway.Handlers.Heartbeat.Respond = (_, _) =>
        {
            isWaiting = true;
            return new(answer.Task);
        };
        await waiting.SendAsync(RawClient.Heartbeat("group", 1));
        await producing.SendAsync(RawClient.Produce(1));
        await Eventually.IsTrueAsync(() => isWaiting && gateway.Handlers.Produce.Dispatched.Contains(1));
        using var silent = gateway.Connect();
        var closed = silent.WaitUntilClosedAsync();
        await Eventually.IsTrueAsync(
            () =>
            {
                time.AdvanceMs(10_000);
                return closed.IsCompleted;
            },
            "the silent client is cut off");
        answer.SetResult(new HeartbeatResponse());
        gateway.Handlers.Produce.Answer(1);
        (await waiting.ReceiveCorrelationIdAsync()).ShouldBe(1);
        (await producing.ReceiveCorrelationIdAsync()).ShouldBe(1);
        await gateway.ExpectLogAsync(silent.Socket.LocalEndPoint!.ToString()!, "connections.max.idle.ms");
    }

    [Fact]
    public async Task Connections_over_the_limit_are_closed_and_let_in_again_when_others_left()
    {
        await using var gateway = await GatewayFixture.StartAsync(config: new BrokerConfig { MaxConnectionsPerIp = 1 });
        using (var first = gateway.Connect())
        {
            await first.SendAsync(RawClient.Heartbeat("group", 1));
            (await first.ReceiveCorrelationIdAsync()).ShouldBe(1);
            using var second = gateway.Connect();
            await second.WaitUntilClosedAsync();
            await gateway.ExpectLogAsync("max.connections.per.ip");
        }

        await Eventually.AnswersAsync(LetInAsync, id => id == 3, "another is let in", failure => failure is IOException);

        // Fails while the first one's end was not noticed.
        async Task<int> LetInAsync()
        {
            using var third = gateway.Connect();
            await third.SendAsync(RawClient.Heartbeat("group", 3));
            return await third.ReceiveCorrelationIdAsync();
        }
    }

    [Fact]
    public async Task Large_frames_wait_for_memory_and_small_ones_pass()
    {
        await using var gateway = await GatewayFixture.StartAsync(TightMemory);
        var appended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Handlers.Produce.FirstStage = _ => appended.Task;
        using var first = gateway.Connect();
        using var second = gateway.Connect();
        using var small = gateway.Connect();
        await first.SendAsync(LargeProduce(1, 30_000));
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Contains(1));
        await second.SendAsync(LargeProduce(2, 30_000));
        await small.SendAsync(RawClient.Heartbeat("group", 5));
        (await small.ReceiveCorrelationIdAsync()).ShouldBe(5);
        gateway.Handlers.Produce.Dispatched.ShouldNotContain(2);
        appended.SetResult();
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Contains(2));
    }

    [Fact]
    public async Task Nobody_holds_memory_for_what_he_only_announces()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var hostile = Enumerable.Range(0, 10).Select(_ => gateway.Connect()).ToList();
        foreach (var client in hostile) await client.SendAsync(new byte[] { 0x06, 0x00, 0x00, 0x00, 0, 0 });
        using var good = gateway.Connect();
        await good.SendAsync(LargeProduce(1, 100_000));
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Contains(1));
        hostile.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task A_request_that_waits_for_its_answer_holds_no_memory_from_others()
    {
        await using var gateway = await GatewayFixture.StartAsync(TightMemory);
        var waiting = 0;
        gateway.Handlers.Heartbeat.Respond = (context, _) =>
        {
            Interlocked.Increment(ref waiting);
            return new(Task.Delay(Timeout.Infinite, context.Aborted).ContinueWith(_ => new HeartbeatResponse(), TaskScheduler.Default));
        };
        var frame = RawClient.Frame(new HeartbeatRequest { MemberId = new string('x', 30_000) }, 3, 1);
        var clients = Enumerable.Range(0, 5).Select(_ => gateway.Connect()).ToList();
        foreach (var client in clients) await client.SendAsync(frame);
        await Eventually.IsTrueAsync(() => waiting == clients.Count);
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Frames_that_are_larger_than_all_the_memory_are_served_one_after_the_other()
    {
        await using var gateway = await GatewayFixture.StartAsync(TightMemory);
        var clients = Enumerable.Range(1, 3).Select(_ => gateway.Connect()).ToList();
        var sending = Task.WhenAll(clients.Select((client, index) => client.SendAsync(LargeProduce(index, 5 << 20))));
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Count == clients.Count);
        await sending;
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task A_failing_handler_costs_its_connection_only_and_is_logged_with_the_client()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Handlers.Heartbeat.Respond = (context, _) => context.CorrelationId == 13
            ? throw new InvalidOperationException("broken")
            : new(new HeartbeatResponse());
        using var unlucky = gateway.Connect();
        using var other = gateway.Connect();
        await unlucky.SendAsync(RawClient.Heartbeat("group", 13));
        await unlucky.WaitUntilClosedAsync();
        await gateway.ExpectLogAsync("Heartbeat", "test-client", "correlation id 13");
        await other.SendAsync(RawClient.Heartbeat("group", 1));
        (await other.ReceiveCorrelationIdAsync()).ShouldBe(1);
    }

    [Fact]
    public async Task Two_hundred_connections_are_served_at_a_time()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var clients = Enumerable.Range(0, 200).Select(_ => gateway.Connect()).ToList();
        for (var round = 0; round < 3; round++)
        {
            await Task.WhenAll(clients.Select((client, id) => client.SendAsync(RawClient.Heartbeat("group", id))));
            var answers = await Task.WhenAll(clients.Select(client => client.ReceiveCorrelationIdAsync()));
            answers.ShouldBe(Enumerable.Range(0, 200));
        }

        clients.ForEach(client => client.Dispose());
    }
}
