using System.Diagnostics;
using Loire.Bench.Statistics;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Bench.Load;

/// <summary>How soon a consumer that waits in a long poll gets a record that is produced.</summary>
public sealed record WakeUpSpec(int Port, string Topic, int Rounds);

/// <param name="FromAcknowledgement">From the producer's answer, which leaves when the high watermark passes the record,
/// to the consumer's; zero where the consumer's came first.</param>
/// <param name="FromSend">From the moment the record was sent to the consumer's answer.</param>
public sealed record WakeUpResult(LatencySummary FromAcknowledgement, LatencySummary FromSend);

public static class WakeUpLoad
{
    private const short FetchVersion = 12;
    private const int MaxWaitMs = 30_000;
    private const int WarmUpRounds = 50;

    /// <summary>Long enough after the fetch was sent that the broker has parked it.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    public static WakeUpResult Run(WakeUpSpec spec)
    {
        using var producer = new BrokerConnection(spec.Port);
        using var consumer = new BrokerConnection(spec.Port);
        var frames = new ProduceFrames(new ProduceSpec
        {
            Port = spec.Port,
            BrokerProcessId = 0,
            Topic = spec.Topic,
            Partitions = 1,
            RecordsPerBatch = 1,
        });
        var fromAcknowledgement = new LatencyHistogram();
        var fromSend = new LatencyHistogram();
        var offset = producer.EndOffsets(spec.Topic, 1)[0];
        using var sent = new SemaphoreSlim(0);
        using var got = new SemaphoreSlim(0);
        long woken = 0;
        var waiter = new Thread(() =>
        {
            for (var round = 0; round < spec.Rounds + WarmUpRounds; round++)
            {
                consumer.Send(BrokerConnection.Frame(FetchAt(spec.Topic, offset + round), FetchVersion));
                sent.Release();
                consumer.Receive();
                Volatile.Write(ref woken, Stopwatch.GetTimestamp());
                got.Release();
            }
        });
        waiter.Start();
        for (var round = 0; round < spec.Rounds + WarmUpRounds; round++)
        {
            sent.Wait();
            Pacer.WaitUntil(Stopwatch.GetTimestamp(), Pause);
            var sending = Stopwatch.GetTimestamp();
            producer.Send(frames.Next(round));
            var answer = producer.Receive();
            var acknowledged = Stopwatch.GetTimestamp();
            ProduceFrames.CheckResponse(answer);
            got.Wait();
            if (round >= WarmUpRounds)
            {
                fromAcknowledgement.Record(Stopwatch.GetElapsedTime(acknowledged, Math.Max(acknowledged, woken)));
                fromSend.Record(Stopwatch.GetElapsedTime(sending, woken));
            }
        }

        waiter.Join();
        return new WakeUpResult(fromAcknowledgement.Summarise(), fromSend.Summarise());
    }

    private static FetchRequest FetchAt(string topic, Offset offset) => new()
    {
        MaxWaitMs = MaxWaitMs,
        MinBytes = 1,
        Topics =
        [
            new()
            {
                Topic = new TopicName(topic),
                Partitions = [new() { FetchOffset = offset, PartitionMaxBytes = 1 << 20 }],
            },
        ],
    };
}
