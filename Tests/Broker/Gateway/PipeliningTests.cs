using System.Buffers;
using Loire.Broker.Gateway;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Gateway;

public sealed class PipeliningTests
{
    [Fact]
    public async Task Produce_requests_overlap_and_their_answers_keep_the_order_of_the_requests()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = gateway.Connect();
        for (var id = 1; id <= 5; id++) await client.SendAsync(RawClient.Produce(id));
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Count == 5);
        for (var id = 5; id >= 1; id--) gateway.Handlers.Produce.Answer(id);
        for (var id = 1; id <= 5; id++) (await client.ReceiveCorrelationIdAsync()).ShouldBe(id);
    }

    [Fact]
    public async Task The_next_produce_is_not_dispatched_before_the_first_stage_of_its_predecessor_is_done()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var appended = new TaskCompletionSource();
        gateway.Handlers.Produce.FirstStage = id => id == 1 ? appended.Task : Task.CompletedTask;
        using var client = gateway.Connect();
        using var other = gateway.Connect();
        await client.SendAsync(RawClient.Produce(1));
        await client.SendAsync(RawClient.Produce(2));
        await other.SendAsync(RawClient.Produce(3));
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Contains(3));
        gateway.Handlers.Produce.Dispatched.ShouldNotContain(2);
        appended.SetResult();
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Contains(2));
    }

    [Fact]
    public async Task Another_request_waits_until_the_produces_before_it_are_answered()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var handled = false;
        gateway.Handlers.Heartbeat.Respond = (_, _) =>
        {
            handled = true;
            return new(new HeartbeatResponse());
        };
        using var client = gateway.Connect();
        await client.SendAsync(RawClient.Produce(1));
        await client.SendAsync(RawClient.Heartbeat("group", 2));
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Contains(1));
        handled.ShouldBeFalse();
        gateway.Handlers.Produce.Answer(1);
        (await client.ReceiveCorrelationIdAsync()).ShouldBe(1);
        (await client.ReceiveCorrelationIdAsync()).ShouldBe(2);
        handled.ShouldBeTrue();
    }

    [Fact]
    public async Task A_produce_without_acknowledgement_gets_no_answer()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = gateway.Connect();
        await client.SendAsync(RawClient.Produce(1, acks: 0));
        await client.SendAsync(RawClient.Heartbeat("group", 2));
        (await client.ReceiveCorrelationIdAsync()).ShouldBe(2);
        gateway.Handlers.Produce.Dispatched.ShouldBe([1]);
    }

    [Fact]
    public async Task A_client_with_too_many_requests_in_flight_is_not_read_until_answers_leave()
    {
        await using var gateway = await GatewayFixture.StartAsync(new GatewayOptions { RequestsInFlightMax = 2 });
        using var client = gateway.Connect();
        for (var id = 1; id <= 10; id++) await client.SendAsync(RawClient.Produce(id));

        // Two are queued, one is being waited for, and one more waits for its place in the queue.
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Count == 4);
        for (var id = 1; id <= 10; id++)
        {
            gateway.Handlers.Produce.Dispatched.Count.ShouldBeLessThanOrEqualTo(id + 3);
            gateway.Handlers.Produce.Answer(id);
            (await client.ReceiveCorrelationIdAsync()).ShouldBe(id);
        }
    }

    [Fact]
    public async Task A_frame_larger_than_what_is_read_ahead_needs_nothing_after_it()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = gateway.Connect();
        var records = new RecordsPayload(new ReadOnlySequence<byte>(new byte[6_500_000]));
        var topic = new ProduceRequest.TopicProduceData { PartitionData = [new() { Records = records }] };
        for (var id = 1; id <= 3; id++)
        {
            var frame = RawClient.Frame(new ProduceRequest { Acks = -1, TopicData = [topic] }, 8, id);
            gateway.Handlers.Produce.Answer(id);
            foreach (var end in new[] { 100, 1 << 20, frame.Length })
            {
                var start = end == 100 ? 0 : end == 1 << 20 ? 100 : 1 << 20;
                await client.SendAsync(frame.AsMemory(start..end));
            }

            (await client.ReceiveCorrelationIdAsync()).ShouldBe(id);
        }
    }

    [Fact]
    public async Task Requests_sent_before_the_client_closed_its_side_are_handled()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using (var client = gateway.Connect())
        {
            for (var id = 1; id <= 3; id++) await client.SendAsync(RawClient.Produce(id, acks: 0));
        }

        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Count == 3);
    }

    [Fact]
    public async Task Stopping_answers_what_is_in_flight_and_cancels_what_waits()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var isWaiting = false;
        gateway.Handlers.Heartbeat.Respond = async (context, _) =>
        {
            Volatile.Write(ref isWaiting, true);
            await Task.Delay(Timeout.Infinite, context.Aborted);
            return new HeartbeatResponse();
        };
        using var producer = gateway.Connect();
        using var waiting = gateway.Connect();
        await producer.SendAsync(RawClient.Produce(1));
        await waiting.SendAsync(RawClient.Heartbeat("group", 1));
        await Eventually.IsTrueAsync(() => gateway.Handlers.Produce.Dispatched.Contains(1) && Volatile.Read(ref isWaiting));
        var stopping = gateway.StopAsync();
        await waiting.WaitUntilClosedAsync();
        gateway.Handlers.Produce.Answer(1);
        (await producer.ReceiveCorrelationIdAsync()).ShouldBe(1);
        await stopping;
        await producer.WaitUntilClosedAsync();
        gateway.Log.ShouldBeEmpty();
    }
}
