using System.Collections.Concurrent;
using Loire.Client;
using Loire.Grains.Interfaces;
using Loire.Tests.Cluster.Hosted;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>The client against real brokers.</summary>
[Collection(nameof(HostedClusters))]
public sealed class ClientOnBrokersTests
{
    private const string Topic = "orders";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_silo_keeps_and_returns_what_is_written()
    {
        await using var cluster = await LoireTestCluster.StartAsync(brokers: 1);
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 4);
        await using var producer = cluster.Client.CreateProducer();
        await WriteAsync(producer, 0, 1_000);
        ShouldBeAllInOrder(await ReadAsync(cluster.Client, 1_000));

        (await cluster.Client.Admin.ListTopicsAsync(Cancelled)).ShouldContain(Topic);
        (await cluster.Client.Admin.DescribeClusterAsync(Cancelled)).Brokers.ShouldHaveSingleItem().IsAlive.ShouldBeTrue();
        await cluster.Client.Admin.AlterTopicConfigsAsync(Topic, [new("retention.ms", "3600000")], Cancelled);
        (await cluster.Client.Admin.DescribeTopicAsync(Topic, Cancelled))!.Configs["retention.ms"].ShouldBe("3600000");
        (await cluster.Client.Admin.AddPartitionsAsync(Topic, 6, Cancelled)).Partitions.Length.ShouldBe(6);
        var offsets = await cluster.Client.Admin.GetOffsetsAsync(Topic, 0, Cancelled);
        offsets.LogStartOffset.ShouldBe(0);
        offsets.HighWatermark.ShouldBeGreaterThan(0);
        await cluster.Client.Admin.DeleteTopicAsync(Topic, Cancelled);
        (await cluster.Client.Admin.DescribeTopicAsync(Topic, Cancelled)).ShouldBeNull();
    }

    [Fact]
    public async Task A_refused_request_says_why()
    {
        await using var cluster = await LoireTestCluster.StartAsync(brokers: 1);
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 1);
        (await Should.ThrowAsync<LoireException>(cluster.Client.Admin.CreateTopicAsync(Topic, cancellationToken: Cancelled)))
            .Error.ShouldBe((short)ErrorCode.TopicAlreadyExists);
        await using var producer = cluster.Client.CreateProducer();
        (await Should.ThrowAsync<LoireException>(
            producer.ProduceAsync(Topic, default(byte[]), new byte[2_000_000], cancellationToken: Cancelled).AsTask()))
            .Error.ShouldBe((short)ErrorCode.MessageTooLarge);
    }

    [Fact]
    public async Task What_was_acknowledged_outlives_the_leaders_silo_and_is_there_once()
    {
        await using var cluster = await LoireTestCluster.StartAsync();
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 2);
        await using var producer = cluster.Client.CreateProducer();
        await WriteAsync(producer, 0, 200);
        var writing = WriteAsync(producer, 200, 1_000);
        await cluster.KillAsync(cluster.LeaderOf(Topic));
        await writing;
        ShouldBeAllInOrder(await ReadAsync(cluster.Client, 1_000));
    }

    [Fact]
    public async Task A_group_of_two_shares_the_work()
    {
        await using var cluster = await LoireTestCluster.StartAsync(brokers: 1);
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 4);
        var seen = new ConcurrentQueue<(int Reader, int Value)>();
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(1, 2).Select(reader => ReadInGroupAsync(cluster.Client, reader, seen, stop.Token)).ToList();
        await using var producer = cluster.Client.CreateProducer();
        var written = 0;
        for (; seen.Select(entry => entry.Reader).Distinct().Count() < 2 || written < 400; written += 100)
        {
            await WriteAsync(producer, written, written + 100);
            await Eventually.IsTrueAsync(
                () => seen.Select(entry => entry.Value).Distinct().Count() == written + 100,
                state: () => $"{seen.Count} of {written + 100} were read");
        }
        await stop.CancelAsync();
        await Task.WhenAll(readers);
        seen.Select(entry => entry.Value).Distinct().Order().ShouldBe(Enumerable.Range(0, written));
        var group = await cluster.Client.Admin.DescribeGroupAsync("billing", Cancelled);
        group!.MemberIds.ShouldBeEmpty();
    }

    private static Task WriteAsync(LoireProducer producer, int from, int to) => Task.WhenAll(
        Enumerable.Range(from, to - from).Select(i => producer.ProduceAsync(
            Topic, BitConverter.GetBytes(i), BitConverter.GetBytes(i), cancellationToken: Cancelled).AsTask()));

    /// <summary>Each value once, and those of a partition as they were produced.</summary>
    private static void ShouldBeAllInOrder(List<(int Partition, int Value)> read)
    {
        read.Select(entry => entry.Value).Order().ShouldBe(Enumerable.Range(0, read.Count));
        foreach (var partition in read.GroupBy(entry => entry.Partition))
            partition.Select(entry => entry.Value).ShouldBeInOrder();
    }

    private static async Task<List<(int Partition, int Value)>> ReadAsync(ILoireClient client, int count)
    {
        var values = new List<(int, int)>();
        await foreach (var batch in client.CreateConsumer(Topic, StartPosition.Beginning).WithCancellation(Cancelled))
        {
            values.AddRange(batch.Select(record => (batch.Partition, BitConverter.ToInt32(record.Value!.Value.Span))));
            if (values.Count >= count)
                break;
        }
        return values;
    }

    private static async Task ReadInGroupAsync(
        ILoireClient client, int reader, ConcurrentQueue<(int, int)> seen, CancellationToken stop)
    {
        var options = new GroupConsumerOptions { HeartbeatInterval = TimeSpan.FromMilliseconds(100) };
        try
        {
            await foreach (var batch in client.CreateGroupConsumer("billing", [Topic], options).WithCancellation(stop))
            {
                foreach (var record in batch)
                    seen.Enqueue((reader, BitConverter.ToInt32(record.Value!.Value.Span)));
            }
        }
        catch (OperationCanceledException)
        {
            stop.IsCancellationRequested.ShouldBeTrue();
        }
    }
}
