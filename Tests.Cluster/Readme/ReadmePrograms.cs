using Loire.Client;
using Loire.Embedded;
using Loire.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Streams;
using Orleans.Streams.Core;

namespace Loire.Tests.Cluster.Readme;

/// <summary>The C# programs that README.md shows, line by line; what only a test needs is marked. A test
/// compares them with the page and runs them.</summary>
internal static class ReadmePrograms
{
    public static async Task RunEmbeddedAsync()
    {
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions());
        Console.WriteLine(broker.BootstrapServers);   // a real broker on a free loopback port
    }

    public static async Task RunSiloAsync(string[] args, Action<HostApplicationBuilder> adapt)
    {
        var builder = Host.CreateApplicationBuilder(args);
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering()
            .AddLoire(new LoireSiloOptions { Broker = new BrokerOptions { NodeId = 1, DataDirectory = "data" } })
            .AddLoireStreams("events", options => options.Topics.Add("orders")));
        adapt(builder); // of the test
        await builder.Build().RunAsync();
    }

    public static async Task RunClientAsync(string[] args, Action<HostApplicationBuilder> adapt)
    {
        var builder = Host.CreateApplicationBuilder(args);
        builder.UseOrleansClient(client => client.UseLocalhostClustering().AddLoireClient().AddLoireStreams("events"));
        adapt(builder); // of the test
        using var host = builder.Build();
        await host.StartAsync();

        var streams = host.Services.GetRequiredService<IClusterClient>().GetStreamProvider("events");
        await streams.GetStream<string>(StreamId.Create("orders", "customer-7")).OnNextAsync("3 books");

        var loire = host.Services.GetRequiredService<ILoireClient>();
        await loire.Admin.CreateTopicIfMissingAsync("payments");
        await using var producer = loire.CreateProducer();
        await producer.ProduceAsync("payments", key: "customer-7"u8.ToArray(), value: "30 euros"u8.ToArray());

        await loire.Admin.ResetGroupOffsetsAsync("billing", "payments", StartPosition.Beginning);   // while it has no members
        await foreach (var batch in loire.CreateGroupConsumer("billing", ["payments"]))
        {
            foreach (var record in batch)
                Console.WriteLine($"{batch.Partition}:{record.Offset} {record.Value?.Length} bytes");
            break;   // without it, the loop waits for further records
        }
    }
}

public interface ICustomerGrain : IGrainWithStringKey;

[ImplicitStreamSubscription("orders")]
public sealed class CustomerGrain : Grain, ICustomerGrain, IStreamSubscriptionObserver, IAsyncObserver<string>
{
    public Task OnSubscribed(IStreamSubscriptionHandleFactory factory) => factory.Create<string>().ResumeAsync(this);

    public Task OnNextAsync(string order, StreamSequenceToken? token = null)
    {
        Console.WriteLine($"{this.GetPrimaryKeyString()} ordered {order}");
        return Task.CompletedTask;
    }

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}
