using System.Text;
using Loire.Client;
using Loire.Tests.Cluster.Hosted;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>The client inside of a silo: in a grain, and in a service beside them.</summary>
[Collection(nameof(HostedClusters))]
public sealed class ClientInGrainsTests
{
    private const string Topic = "orders";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_grain_produces_reads_and_is_a_member_of_a_group()
    {
        await using var cluster = await StartAsync();
        var grain = cluster.Orleans.GetGrain<IClientGrain>("clerk");
        string[] written = [.. Enumerable.Range(0, 20).Select(i => $"order {i}")];
        await grain.ProduceAsync(Topic, written);
        (await grain.ReadAsync(Topic, written.Length)).ShouldBe(written, ignoreOrder: true);
        (await grain.ReadInGroupAsync("billing", Topic, written.Length)).ShouldBe(written, ignoreOrder: true);
    }

    [Fact]
    public async Task A_service_of_a_silo_and_a_grain_of_another_share_a_group()
    {
        await using var cluster = await StartAsync();
        var client = cluster.Brokers[0].Services.GetRequiredService<ILoireClient>();
        await using var member = new OrleansMember(
            client, "billing", Topic, new GroupConsumerOptions { HeartbeatInterval = TimeSpan.FromMilliseconds(100) });
        await Eventually.IsTrueAsync(() => member.Told.Owned.Count == 3);
        var reading = cluster.Orleans.GetGrain<IClientGrain>("clerk").ReadInGroupAsync("billing", Topic, 1);
        await Eventually.IsTrueAsync(() => member.Told.Revoked.Count >= 3 && member.Told.Owned.Count is 1 or 2);
        await using var producer = client.CreateProducer();
        for (var partition = 0; partition < 3; partition++)
        {
            await producer.ProduceAsync(
                Topic, key: null, Encoding.UTF8.GetBytes($"{partition}"), partition: partition, cancellationToken: Cancelled);
        }
        var read = await reading;
        read.ShouldNotBeEmpty();
        await Eventually.IsTrueAsync(() => member.Values.Concat(read).Distinct().Count() == 3);
    }

    private static async Task<LoireTestCluster> StartAsync()
    {
        var cluster = await LoireTestCluster.StartAsync(
            new LoireTestClusterOptions(brokers: 3) { ConfigureSilo = silo => silo.AddLoireClient() });
        await cluster.CreateTopicAsync(Topic, Cancelled, partitions: 3);
        return cluster;
    }
}

public interface IClientGrain : IGrainWithStringKey
{
    Task ProduceAsync(string topic, string[] values);

    Task<List<string>> ReadAsync(string topic, int count);

    Task<List<string>> ReadInGroupAsync(string group, string topic, int count);
}

public sealed class ClientGrain(ILoireClient client) : Grain, IClientGrain
{
    public async Task ProduceAsync(string topic, string[] values)
    {
        await using var producer = client.CreateProducer();
        await Task.WhenAll(values.Select(value => producer.ProduceAsync(
            topic, Encoding.UTF8.GetBytes(value), Encoding.UTF8.GetBytes(value)).AsTask()));
    }

    public Task<List<string>> ReadAsync(string topic, int count) =>
        TakeAsync(client.CreateConsumer(topic, StartPosition.Beginning), count);

    public Task<List<string>> ReadInGroupAsync(string group, string topic, int count) => TakeAsync(
        client.CreateGroupConsumer(group, [topic], new GroupConsumerOptions { HeartbeatInterval = TimeSpan.FromMilliseconds(100) }), count);

    private static async Task<List<string>> TakeAsync(IAsyncEnumerable<ConsumeBatch> batches, int count)
    {
        var values = new List<string>();
        await foreach (var batch in batches)
        {
            foreach (var record in batch)
                values.Add(Encoding.UTF8.GetString(record.Value!.Value.Span));
            if (values.Count >= count)
                break;
        }
        return values;
    }
}
