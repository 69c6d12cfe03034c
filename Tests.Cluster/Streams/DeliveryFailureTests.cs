using System.Globalization;
using System.Text;
using Loire.Client;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Streams;

/// <summary>What becomes of events that their consumer does not take.</summary>
public sealed class DeliveryFailureTests
{
    private const string Dead = "dead";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_event_that_nobody_takes_goes_to_the_dead_letter_topic()
    {
        await using var cluster = await StartAsync();
        var key = EventJournal.NewKey();
        var poison = Refused(key);
        var stream = cluster.Stream(ImplicitSubscriberGrain.Topic, key);
        await stream.OnNextAsync("before");
        await stream.OnNextAsync(poison);
        await stream.OnNextAsync("after");
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Contains("after"));
        EventJournal.Of(key).ShouldBe(["before", "after"]);
        var dead = cluster.Loire.CreateClient().CreateConsumer(Dead, StartPosition.Beginning);
        await foreach (var batch in dead.WithCancellation(Cancelled))
        {
            var headers = batch[0].Headers.ToArray().Select(header => header.Name).ToList();
            headers.ShouldContain("loire-dead-letter-offset");
            batch[0].Key!.Value.ToArray().ShouldBe(Encoding.UTF8.GetBytes(key));
            break;
        }
    }

    [Theory]
    [InlineData(DeliveryFailurePolicy.DeadLetter)]
    [InlineData(DeliveryFailurePolicy.Skip)]
    public async Task Of_a_batch_only_the_event_is_passed_over_that_nobody_takes(DeliveryFailurePolicy policy)
    {
        await using var cluster = await StartAsync(options => (options.BatchSize, options.OnDeliveryFailure) = (10, policy));
        var key = EventJournal.NewKey();
        var poison = Refused(key);
        string[] events = [.. Enumerable.Range(0, 20).Select(Name)];
        events[4] = poison;
        var stream = cluster.Stream(ImplicitSubscriberGrain.Topic, key);

        // At once, that they make a batch. In which order they are written then is left open by Orleans.
        await Task.WhenAll(events.Select(item => stream.OnNextAsync(item)));
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Distinct().Count() == events.Length - 1);
        EventJournal.Of(key).Distinct().ShouldBe(events.Except([poison]), ignoreOrder: true);
        EventJournal.OffsetsOf(key).Distinct().ShouldBeInOrder();
        DeadLetters(cluster).ShouldBe(policy == DeliveryFailurePolicy.DeadLetter ? 1 : 0);
    }

    [Fact]
    public async Task Until_its_dead_letter_is_written_an_events_consumer_waits_and_others_do_not()
    {
        await using var cluster = await StartAsync();
        await Eventually.IsTrueAsync(() => cluster.Loire.Topic(Dead).Exists);
        var isWritable = new TaskCompletionSource();
        foreach (var partition in Enumerable.Range(0, cluster.Loire.Topic(Dead).PartitionCount))
        {
            cluster.Loire.Partition(Dead, partition).OnNextAppend(async _ =>
            {
                await isWritable.Task;
                return FakePartition.Refusal(ErrorCode.MessageTooLarge);
            });
        }
        var key = EventJournal.NewKey();
        var stream = cluster.Stream(ImplicitSubscriberGrain.Topic, key);
        await stream.OnNextAsync(Refused(key));
        await stream.OnNextAsync("after");
        await Eventually.IsTrueAsync(() => DeadLetterAttempts(cluster) == 1);
        foreach (var other in Enumerable.Range(0, 8).Select(_ => EventJournal.NewKey()))
        {
            await cluster.Stream(ImplicitSubscriberGrain.Topic, other).OnNextAsync("other");
            await Eventually.IsTrueAsync(() => EventJournal.Of(other).Count == 1);
        }
        EventJournal.Of(key).ShouldBeEmpty();
        isWritable.SetResult();
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Contains("after"));
        DeadLetters(cluster).ShouldBe(1);
    }

    [Fact]
    public async Task Nothing_is_delivered_without_a_dead_letter_topic()
    {
        await using var cluster = await StartAsync(options => options.CreatesTopics = false);
        cluster.Loire.AddTopic(ImplicitSubscriberGrain.Topic, 1);
        var key = EventJournal.NewKey();
        await cluster.Stream(ImplicitSubscriberGrain.Topic, key).OnNextAsync("first");
        await Eventually.IsTrueAsync(() => cluster.Loire.Topic(Dead).Descriptions > 2);
        EventJournal.Of(key).ShouldBeEmpty();
        cluster.Loire.AddTopic(Dead, 1);
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 1);
    }

    [Fact]
    public async Task An_event_is_tried_until_it_is_taken_where_that_is_asked_for()
    {
        await using var cluster = await StartAsync(options => options.OnDeliveryFailure = DeliveryFailurePolicy.Retry);
        var key = EventJournal.NewKey();
        var stubborn = Refused(key);
        var stream = cluster.Stream(ImplicitSubscriberGrain.Topic, key);
        await stream.OnNextAsync("before");
        await stream.OnNextAsync(stubborn);
        await stream.OnNextAsync("after");
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 1);
        EventJournal.Accept(stubborn);
        await Eventually.IsTrueAsync(() => EventJournal.Of(key).Count == 3);
        EventJournal.Of(key).ShouldBe(["before", stubborn, "after"]);
    }

    private static Task<StreamCluster> StartAsync(Action<LoireStreamOptions>? configure = null) => StreamCluster.StartAsync(
        configure: options =>
        {
            options.OnDeliveryFailure = DeliveryFailurePolicy.DeadLetter;
            options.DeadLetterTopic = Dead;
            options.DeliveryTimeout = TimeSpan.FromMilliseconds(100);
            configure?.Invoke(options);
        });

    private static string Refused(string key)
    {
        var poison = "poison-" + key;
        EventJournal.Refuse(poison);
        return poison;
    }

    private static long DeadLetters(StreamCluster cluster) => DeadPartitions(cluster).Sum(partition => partition.End);

    private static int DeadLetterAttempts(StreamCluster cluster) => DeadPartitions(cluster).Sum(partition => partition.Appends);

    private static IEnumerable<FakePartition> DeadPartitions(StreamCluster cluster) =>
        Enumerable.Range(0, cluster.Loire.Topic(Dead).PartitionCount).Select(partition => cluster.Loire.Partition(Dead, partition));

    private static string Name(int i) => i.ToString(CultureInfo.InvariantCulture);
}
