using System.Globalization;
using System.Text;
using Loire.Client;
using Loire.Tests.RealClients;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>An Orleans client of its own process, with the address of the database alone.</summary>
[Collection(nameof(RealClients))]
public sealed class GatewayTests
{
    private const int RecordCount = 500;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_Orleans_client_finds_the_brokers_produces_and_consumes_and_does_without_one_that_is_killed()
    {
        await using var cluster = await ProcessCluster.StartAsync();
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.UseOrleansClient(client => client.UseLoireCluster(cluster.Postgres.Address).AddLoireClient());
        using var host = builder.Build();
        await host.StartAsync(Cancelled);
        var loire = host.Services.GetRequiredService<ILoireClient>();
        await loire.Admin.CreateTopicAsync("orders", cancellationToken: Cancelled);
        await using var producer = loire.CreateProducer();
        await ProduceAsync(producer, 0);
        await cluster.Silos[1].KillAsync();
        await ProduceAsync(producer, RecordCount);

        var read = new HashSet<int>();
        await foreach (var batch in loire.CreateGroupConsumer("readers", ["orders"]).WithCancellation(Cancelled))
        {
            foreach (var record in batch)
                read.Add(int.Parse(Encoding.UTF8.GetString(record.Value!.Value.Span), CultureInfo.InvariantCulture));
            if (read.Count == 2 * RecordCount) break;
        }

        read.Order().ShouldBe(Enumerable.Range(0, 2 * RecordCount));
        (await Clients.ConsumeAllAsync(cluster.Bootstrap, "orders")).Count.ShouldBe(2 * RecordCount, "a Kafka client sees the same");
        await host.StopAsync(Cancelled);
    }

    private static Task ProduceAsync(LoireProducer producer, int first) => Task.WhenAll(
        Enumerable.Range(first, RecordCount).Select(async number =>
        {
            var text = Encoding.UTF8.GetBytes(number.ToString(CultureInfo.InvariantCulture));
            await producer.ProduceAsync("orders", key: text, value: text, cancellationToken: Cancelled);
        }));
}
