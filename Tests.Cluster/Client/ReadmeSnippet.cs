using Loire.Client;
using Loire.Embedded;
using Loire.Grains.Hosting;
using Microsoft.Extensions.Hosting;
using Orleans.Streams;
using Orleans.Streams.Core;

namespace Loire.Tests.Cluster.Readme;

/// <summary>What README.md shows under "From Orleans", so that it compiles; <see cref="ReadmeTests"/> compares the lines.</summary>
internal static class ReadmeSnippet
{
    public static void Configure(ISiloBuilder silo)
    {
        silo.AddLoire(new LoireSiloOptions { Broker = new BrokerOptions { NodeId = 1, DataDirectory = "data" } });
        silo.AddLoireStreams("events", options => options.Topics.Add("orders"));
    }

    public static async Task UseAsync(ILoireClient loire)
    {
        await using var producer = loire.CreateProducer();
        await producer.ProduceAsync("orders", key: "customer-7"u8.ToArray(), value: "3 books"u8.ToArray());

        await foreach (var batch in loire.CreateGroupConsumer("billing", ["orders"]))
        {
            foreach (var record in batch)
                Console.WriteLine($"{batch.Partition}:{record.Offset} {record.Value?.Length} bytes");
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
