using Orleans.Concurrency;
using Orleans.Streams;
using Orleans.Streams.Core;

namespace Loire.Tests.Cluster.Streams;

public interface IImplicitSubscriberGrain : IGrainWithStringKey
{
    /// <returns>Which activation this is.</returns>
    Task<string> IdentifyAsync();

    Task DeactivateAsync();
}

/// <summary>Subscribed to every stream of two topics; takes no note of tokens.</summary>
[ImplicitStreamSubscription(Topic), ImplicitStreamSubscription(TextTopic)]
public sealed class ImplicitSubscriberGrain : Grain, IImplicitSubscriberGrain, IStreamSubscriptionObserver, IAsyncObserver<string>
{
    public const string Topic = "implicit";
    public const string TextTopic = "implicit-text";

    private readonly string _identity = Guid.NewGuid().ToString("N");

    public Task<string> IdentifyAsync() => Task.FromResult(_identity);

    public Task DeactivateAsync()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) =>
        handleFactory.Create<string>().ResumeAsync(this);

    public Task OnNextAsync(string item, StreamSequenceToken? token = null)
    {
        if (EventJournal.IsRefused(item))
            throw new InvalidOperationException($"'{item}' is not taken");
        EventJournal.Add(this.GetPrimaryKeyString(), item, token!.SequenceNumber);
        return Task.CompletedTask;
    }

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}

public interface IExplicitSubscriberGrain : IGrainWithStringKey
{
    Task SubscribeAsync(string provider, string topic, long? fromOffset);
}

/// <summary>Subscribes to the stream of its key when told to; takes up its subscriptions when activated anew.</summary>
[Reentrant]
public sealed class ExplicitSubscriberGrain : Grain, IExplicitSubscriberGrain, IAsyncBatchObserver<string>
{
    public Task SubscribeAsync(string provider, string topic, long? fromOffset)
    {
        var stream = this.GetStreamProvider(provider).GetStream<string>(StreamId.Create(topic, this.GetPrimaryKeyString()));
        return fromOffset is { } offset
            ? stream.SubscribeAsync(this, new Orleans.Providers.Streams.Common.EventSequenceTokenV2(offset))
            : stream.SubscribeAsync(this);
    }

    public Task OnNextAsync(IList<SequentialItem<string>> items)
    {
        foreach (var item in items)
            EventJournal.Add("explicit-" + this.GetPrimaryKeyString(), item.Item, item.Token.SequenceNumber);
        return Task.CompletedTask;
    }

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}
