using System.Text;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Records;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>One record, tried for a moment only.</summary>
internal static class Produce
{
    /// <returns>NONE, or why it failed.</returns>
    public static async Task<ErrorCode> OnceAsync(TestCluster cluster, TopicName topic)
    {
        await using var client = cluster.Client();
        await using var producer = await Producer.CreateAsync(
            client,
            new ProducerOptions { DeliveryTimeout = TimeSpan.FromMilliseconds(1), AllowAutoTopicCreation = false },
            TestContext.Current.CancellationToken);
        var outcome = new TaskCompletionSource<ErrorCode>();
        producer.OnDelivery = report => outcome.TrySetResult(report.Failure?.Error ?? ErrorCode.None);
        var nowMs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        await producer.AppendAsync(
            topic,
            new PartitionIndex(0),
            null,
            Encoding.ASCII.GetBytes("x"),
            ReadOnlyMemory<RecordHeader>.Empty,
            nowMs,
            TestContext.Current.CancellationToken);
        return await outcome.Task;
    }
}
