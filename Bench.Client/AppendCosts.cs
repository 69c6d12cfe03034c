using System.Buffers;
using System.Diagnostics;
using Loire.Broker.Partitions;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Loire.Protocol.Records;
using ErrorCode = Loire.Protocol.ErrorCode;

namespace Loire.Bench.Client;

/// <summary>What the way through a grain adds to an append: the same batches, one after the other, given to the replica
/// itself, and to the grain of its partition in the same silo. With acks=1, so that no disk is waited for.</summary>
internal static class AppendCosts
{
    private const string Topic = "append-costs";
    private const int ValueBytes = 1024;
    private const int WarmUpCalls = 5_000;
    private const int Rounds = 5;

    public static async Task MeasureAsync(OneSilo broker)
    {
        await broker.Inside.Admin.CreateTopicAsync(Topic, partitions: 1, replicationFactor: 1);
        var grain = broker.Grains.GetGrain<IPartitionGrain>(PartitionKey.Of(Topic, 0));
        foreach (var (records, calls) in ((int, int)[])[(1, 20_000), (63, 2_000)])
        {
            var request = new AppendRequest(Build(records), (short)RequiredAcks.Leader);
            await CallAsync(grain, request);
            var replica = broker.Partitions.Find(new TopicName(Topic), new PartitionIndex(0)).Replica!;
            var direct = await MeasureAsync(() => AppendAsync(replica, request.Batch), calls);
            var called = await MeasureAsync(() => CallAsync(grain, request), calls);
            var name = records == 1 ? "append, 1 record of 1 KB" : $"append, {records} records of 1 KB";
            Write($"{name}: direct replica call", direct);
            Write($"{name}: local grain call", called);
        }
    }

    private static void Write(string name, Cost cost)
    {
        Figures.Write(name, cost.Microseconds, "us");
        Figures.Write($"{name}, allocated", cost.AllocatedBytes, "B");
    }

    /// <summary>The cheapest of several rounds: what disturbs one is not the call's.</summary>
    private static async Task<Cost> MeasureAsync(Func<Task> append, int calls)
    {
        for (var i = 0; i < WarmUpCalls; i++) await append();
        var best = new Cost(double.MaxValue, double.MaxValue);
        for (var round = 0; round < Rounds; round++)
        {
            var allocated = GC.GetTotalAllocatedBytes(precise: true);
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < calls; i++) await append();
            var elapsed = Stopwatch.GetElapsedTime(start);
            allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
            best = new Cost(
                Math.Min(best.Microseconds, elapsed.TotalMicroseconds / calls),
                Math.Min(best.AllocatedBytes, (double)allocated / calls));
        }

        return best;
    }

    private static async Task AppendAsync(PartitionReplica replica, ReadOnlyMemory<byte> batch)
    {
        var result = await replica.AppendAsync(
            new ReadOnlySequence<byte>(batch), RequiredAcks.Leader, listener: null, slot: 0, CancellationToken.None);
        if (result.Error != ErrorCode.None) throw new InvalidOperationException($"The append was refused: {result.Error}.");
    }

    private static async Task CallAsync(IPartitionGrain grain, AppendRequest request)
    {
        var answer = await grain.AppendAsync(request);
        if (answer.Error != 0) throw new InvalidOperationException($"The append was refused: {(ErrorCode)answer.Error}.");
    }

    private static ReadOnlyMemory<byte> Build(int records)
    {
        using var builder = new RecordBatchBuilder();
        var value = new byte[ValueBytes];
        for (var i = 0; i < records; i++) builder.Append(timestampMs: 0, RecordBytes.Null, new RecordBytes(value));
        var output = new ArrayBufferWriter<byte>();
        builder.Build(output);
        return output.WrittenMemory;
    }

    private readonly record struct Cost(double Microseconds, double AllocatedBytes);
}
