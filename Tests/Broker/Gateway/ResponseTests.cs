using System.Buffers;
using Loire.Broker.Gateway;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Gateway;

public sealed class ResponseTests
{
    private const short FetchVersion = 12;

    [Fact]
    public async Task Records_are_copied_in_place_between_the_fields_around_them_and_released()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var released = 0;
        byte[][] records = [[1, 2, 3], [], new byte[500_000], [9]];
        gateway.Handlers.Fetch.Sources =
            _ => records.Select(bytes => new FakeRecordsSource([bytes], () => Interlocked.Increment(ref released)));
        using var client = gateway.Connect();
        await client.SendAsync(RawClient.Frame(new FetchRequest(), FetchVersion, 1));
        var (id, response) = await client.ReceiveAsync<FetchResponse>(FetchVersion);
        id.ShouldBe(1);
        response.Responses[0].Partitions.Select(partition => partition.Records.Bytes.ToArray()).ShouldBe(records);
        await Eventually.IsTrueAsync(() => released == records.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(70_001)]
    [InlineData(int.MaxValue)]
    public async Task Records_in_memory_reach_a_client_in_order_however_much_the_socket_takes(int pieceBytes)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        byte[][] records = [new byte[pieceBytes == 1 ? 3000 : 20_000_000], [], new byte[5], new byte[300_000]];
        foreach (var bytes in records) Random.Shared.NextBytes(bytes);
        gateway.Handlers.Fetch.Sources = _ => records.Select(bytes => new InMemorySource(bytes, pieceBytes));
        using var client = gateway.Connect();
        for (var request = 1; request <= 2; request++)
        {
            await client.SendAsync(RawClient.Frame(new FetchRequest(), FetchVersion, request));
            var (id, response) = await client.ReceiveAsync<FetchResponse>(FetchVersion);
            id.ShouldBe(request);
            var received = response.Responses[0].Partitions;
            received.Count.ShouldBe(records.Length);
            for (var i = 0; i < records.Length; i++) received[i].Records.Bytes.ToArray().AsSpan().SequenceEqual(records[i]).ShouldBeTrue();
        }
    }

    [Theory]
    [InlineData(100, 1 << 20)]
    [InlineData(1, 100 << 20)]
    public async Task A_client_that_does_not_read_holds_back_only_itself_and_is_cut_off(int sources, int sizeBytes)
    {
        var options = new GatewayOptions { SendTimeoutMs = 300, RateMinBytesPerSecond = int.MaxValue };
        await using var gateway = await GatewayFixture.StartAsync(options);
        var (copiedBytes, released) = (0, 0);
        gateway.Handlers.Fetch.Sources = _ => Enumerable.Range(0, sources).Select(_ => new CountingSource(
            sizeBytes, bytes => Interlocked.Add(ref copiedBytes, bytes), () => Interlocked.Increment(ref released)));
        using var client = gateway.Connect();
        await client.SendAsync(RawClient.Frame(new FetchRequest(), FetchVersion, 1));
        await gateway.ExpectLogAsync("SlowReader", "test-client");
        await Eventually.IsTrueAsync(() => released == sources);
        copiedBytes.ShouldBeLessThan(50 << 20);
    }

    [Fact]
    public async Task Records_that_cannot_be_read_end_the_connection_with_a_reason()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var released = 0;
        gateway.Handlers.Fetch.Sources = _ => Enumerable.Range(0, 3).Select(index => new CountingSource(
            100, _ => { if (index == 1) throw new IOException("bad sector"); }, () => Interlocked.Increment(ref released)));
        using var client = gateway.Connect();
        await client.SendAsync(RawClient.Frame(new FetchRequest(), FetchVersion, 1));
        await client.WaitUntilClosedAsync();
        await gateway.ExpectLogAsync("RecordsUnreadable", "bad sector");
        await Eventually.IsTrueAsync(() => released == 3);
    }

    [Fact]
    public async Task Records_of_an_answer_that_nobody_waits_for_any_more_are_released()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var released = 0;
        gateway.Handlers.Fetch.Before = context =>
        {
            var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            context.Aborted.Register(gone.SetResult);
            return gone.Task;
        };
        gateway.Handlers.Fetch.Sources = _ => [new FakeRecordsSource([new byte[10]], () => Interlocked.Increment(ref released))];
        using (var client = gateway.Connect())
        {
            await client.SendAsync(RawClient.Frame(new FetchRequest(), FetchVersion, 1));
        }

        await Eventually.IsTrueAsync(() => released == 1);
    }

    /// <summary>Gives its bytes where they lie, a piece at a time, and copies those that were not taken.</summary>
    private sealed class InMemorySource(byte[] bytes, int pieceBytes) : IRecordsSource
    {
        private int _done;

        public int SizeBytes => bytes.Length;

        public bool TryGiveNext(IRecordsSink sink, out int taken)
        {
            taken = sink.Take(bytes.AsSpan(_done, Math.Min(pieceBytes, bytes.Length - _done)));
            _done += taken;
            return true;
        }

        public int CopyNext(IBufferWriter<byte> output, int sizeBytes)
        {
            var size = Math.Min(sizeBytes, bytes.Length - _done);
            output.Write(bytes.AsSpan(_done, size));
            _done += size;
            return size;
        }

        public void Release()
        {
        }
    }

    private sealed class CountingSource(int sizeBytes, Action<int> copied, Action released) : IRecordsSource
    {
        private int _left = sizeBytes;

        public int SizeBytes { get; } = sizeBytes;

        public int CopyNext(IBufferWriter<byte> output, int sizeBytes)
        {
            var size = Math.Min(sizeBytes, _left);
            copied(size);
            output.Write(new byte[size]);
            _left -= size;
            return size;
        }

        public void Release() => released();
    }
}
