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

    public async Task OnNextAsync(string item, StreamSequenceToken? token = null)
    {
        if (EventJournal.IsRefused(item))
            throw new InvalidOperationException($"'{item}' is not taken");
        await EventJournal.WhenReleasedAsync(item);
        EventJournal.Add(this.GetPrimaryKeyString(), item, token!.SequenceNumber);
    }

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;
}

public interface IExplicitSubscriberGrain : IGrainWithStringKey
{
    Task SubscribeAsync(string provider, string topic, long? fromOffset);

    Task DeactivateAsync();
}

/// <summary>Subscribes to the stream of its key when told to; takes up its subscriptions when activated anew, for Orleans
/// drops an event that finds no observer.</summary>
[Reentrant]
public sealed class ExplicitSubscriberGrain : Grain, IExplicitSubscriberGrain, IAsyncBatchObserver<string>
{
    public const string Topic = "explicit";

    private string JournalKey => "explicit-" + this.GetPrimaryKeyString();

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        foreach (var subscription in await Stream(StreamCluster.Provider, Topic).GetAllSubscriptionHandles())
            await subscription.ResumeAsync(this);
    }

    public Task SubscribeAsync(string provider, string topic, long? fromOffset) => fromOffset is { } offset
        ? Stream(provider, topic).SubscribeAsync(this, new Orleans.Providers.Streams.Common.EventSequenceTokenV2(offset))
        : Stream(provider, topic).SubscribeAsync(this);

    public Task DeactivateAsync()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public Task OnNextAsync(IList<SequentialItem<string>> items)
    {
        EventJournal.NoteCall(JournalKey, items.Count);
        foreach (var item in items)
            EventJournal.Add(JournalKey, item.Item, item.Token.SequenceNumber);
        return Task.CompletedTask;
    }

    public Task OnErrorAsync(Exception ex) => Task.CompletedTask;

    private IAsyncStream<string> Stream(string provider, string topic) =>
        this.GetStreamProvider(provider).GetStream<string>(StreamId.Create(topic, this.GetPrimaryKeyString()));
}
