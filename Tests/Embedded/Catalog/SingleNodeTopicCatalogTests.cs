using System.Collections.Concurrent;
using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded.Catalog;

public sealed class SingleNodeTopicCatalogTests
{
    private static readonly ConfigResource AllBrokers = new(ConfigResourceType.Broker, "");

    [Fact]
    public async Task A_created_topic_is_synced_then_opened_then_announced()
    {
        var log = new GatedLog();
        var host = new RecordingHost();
        await using var test = TestCatalog.Over(log, TestCatalog.Empty(), host);
        var announcedWhenOpened = true;
        host.OnApply = topic => announcedWhenOpened = test.Catalog.Current.Find(topic.Name) is not null;

        var creation = test.CreateAsync("orders");
        await log.Reached.WaitAsync(TestContext.Current.CancellationToken);
        test.Catalog.Current.TopicCount.ShouldBe(0);
        host.Calls.ShouldBeEmpty();
        creation.IsCompleted.ShouldBeFalse();

        log.Open();
        (await creation).Name.Value.ShouldBe("orders");
        announcedWhenOpened.ShouldBeFalse();
        host.Calls.Count.ShouldBe(1);
        test.Catalog.Current.TopicCount.ShouldBe(1);
    }

    [Fact]
    public async Task A_deleted_topic_is_announced_gone_before_its_partitions_are()
    {
        await using var test = TestCatalog.Create();
        var listener = new RecordingListener(test.Host);
        var topic = await test.CreateAsync("orders");
        test.Catalog.Subscribe(listener);
        await test.Catalog.DeleteTopicAsync(topic.Id, CancellationToken.None);
        test.Catalog.Current.Find(topic.Name).ShouldBeNull();
        test.Host.Calls.ShouldContain("remove orders");
        listener.Events.ShouldBe(["deleted orders after remove"]);
    }

    [Fact]
    public async Task A_topic_whose_logs_cannot_be_opened_is_refused_before_it_is_written()
    {
        await using var test = TestCatalog.Create();
        await test.CreateAsync("orders");
        test.Host.Failure = new LogStoreException("The disk is full.");
        (await Refusal(test.CreateAsync("refunds"))).Code.ShouldBe(ErrorCode.KafkaStorageError);
        var growth = test.Catalog.CreatePartitionsAsync(new TopicName("orders"), 2, null, validateOnly: false, CancellationToken.None);
        (await Refusal(growth)).Message.ShouldContain("The disk is full.");
        test.Catalog.Current.Version.ShouldBe(1);
        test.Host.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Nothing_is_announced_when_the_write_fails_and_the_next_change_may_succeed()
    {
        var log = new GatedLog { FailNext = true };
        log.Open();
        await using var test = TestCatalog.Over(log, TestCatalog.Empty(), new RecordingHost());
        (await Refusal(test.CreateAsync("orders"))).Code.ShouldBe(ErrorCode.KafkaStorageError);
        test.Catalog.Current.Version.ShouldBe(0);
        test.Host.Calls.ShouldBeEmpty();

        await test.CreateAsync("orders");
        test.Catalog.Current.TopicCount.ShouldBe(1);
    }

    [Fact]
    public async Task A_topic_whose_log_cannot_be_opened_is_refused_and_the_loop_goes_on()
    {
        await using var test = TestCatalog.Create();
        test.Host.OnApply = topic =>
        {
            if (topic.Name.Value == "bad")
                throw new LogStoreException("no space left on device");
        };
        var refusal = await Refusal(test.CreateAsync("bad"));
        refusal.Code.ShouldBe(ErrorCode.KafkaStorageError);
        refusal.Message.ShouldContain("no space left");
        (await test.CreateAsync("good")).Name.Value.ShouldBe("good");
    }

    [Fact]
    public async Task Of_many_who_create_the_same_topic_at_once_one_does()
    {
        await using var test = TestCatalog.Create();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
        {
            try
            {
                await Task.Yield();
                await test.CreateAsync("orders");
                return ErrorCode.None;
            }
            catch (KafkaException refusal)
            {
                return refusal.Code;
            }
        }));
        outcomes.Count(code => code == ErrorCode.None).ShouldBe(1);
        outcomes.Count(code => code == ErrorCode.TopicAlreadyExists).ShouldBe(49);
        test.Host.Calls.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Concurrent_changes_of_one_resource_are_all_kept()
    {
        await using var test = TestCatalog.Create();
        await test.CreateAsync("orders");
        var resource = new ConfigResource(ConfigResourceType.Topic, "orders");
        string[] names = ["retention.ms", "retention.bytes", "segment.bytes", "max.message.bytes", "min.insync.replicas"];
        await Task.WhenAll(names.Select(name => test.SetAsync(resource, name, "100")));
        test.Catalog.GetOverrides(resource).Keys.ShouldBe(names, ignoreOrder: true);
    }

    [Fact]
    public async Task Each_change_has_a_higher_version_and_only_its_own_topic_is_new()
    {
        await using var test = TestCatalog.Create();
        await test.CreateAsync("a");
        var before = test.Catalog.Current;
        await test.CreateAsync("b");
        var after = test.Catalog.Current;
        after.Version.ShouldBeGreaterThan(before.Version);
        after.Find(new TopicName("a")).ShouldBeSameAs(before.Find(new TopicName("a")));
        before.Find(new TopicName("b")).ShouldBeNull();
        after.Topics.Select(topic => topic.Name.Value).ShouldBe(["a", "b"]);
    }

    [Fact]
    public async Task Validating_changes_nothing()
    {
        await using var test = TestCatalog.Create();
        var planned = await test.Catalog.CreateTopicAsync(TestCatalog.Topic("orders", 4), true, CancellationToken.None);
        planned.Partitions.Length.ShouldBe(4);
        test.Catalog.Current.Version.ShouldBe(0);
        test.Host.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_broker_config_reaches_the_topics_that_do_not_override_it_and_the_listeners()
    {
        await using var test = TestCatalog.Create();
        await test.CreateAsync("follows");
        await test.CreateAsync("overrides", 1, ("retention.ms", "5"));
        var listener = new RecordingListener(test.Host);
        test.Catalog.Subscribe(listener);
        test.Host.Calls.Clear();

        await test.SetAsync(AllBrokers, "log.retention.ms", "1000");
        test.Host.Calls.ShouldBe(["apply follows 1 1000"]);
        listener.Events.ShouldBe(["broker configs", "changed follows"]);
        test.Catalog.Current.Find(new TopicName("overrides"))!.Config.RetentionMs.ShouldBe(5);

        await test.SetAsync(new ConfigResource(ConfigResourceType.Broker, "7"), "log.retention.ms", "2000");
        test.Catalog.Current.Find(new TopicName("follows"))!.Config.RetentionMs.ShouldBe(2000);
    }

    [Theory]
    [InlineData("num.partitions", "cannot be changed on a running broker")]
    [InlineData("log.retention.mss", "Did you mean log.retention.ms?")]
    public async Task A_broker_config_that_cannot_be_set_is_refused_by_name(string name, string reason)
    {
        await using var test = TestCatalog.Create();
        var refusal = await Refusal(test.SetAsync(AllBrokers, name, "1"));
        refusal.Code.ShouldBe(ErrorCode.InvalidConfig);
        refusal.Message.ShouldContain(reason);
    }

    [Theory]
    [InlineData("a.b", "a_b")]
    [InlineData("a_b", "a.b")]
    public async Task Names_that_metrics_cannot_tell_apart_collide(string first, string second)
    {
        await using var test = TestCatalog.Create();
        var topic = await test.CreateAsync(first);
        (await Refusal(test.CreateAsync(second))).Code.ShouldBe(ErrorCode.InvalidTopicException);
        await test.Catalog.DeleteTopicAsync(topic.Id, CancellationToken.None);
        await test.CreateAsync(second);
    }

    [Fact]
    public async Task A_topic_created_again_is_another_topic()
    {
        await using var test = TestCatalog.Create();
        var first = await test.CreateAsync("orders");
        await test.Catalog.DeleteTopicAsync(first.Id, CancellationToken.None);
        var second = await test.CreateAsync("orders");
        second.Id.ShouldNotBe(first.Id);
        test.Catalog.Current.Find(first.Id).ShouldBeNull();
        (await Refusal(test.Catalog.DeleteTopicAsync(first.Id, CancellationToken.None))).Code.ShouldBe(ErrorCode.UnknownTopicId);
    }

    private static Task<KafkaException> Refusal(Task operation) => Should.ThrowAsync<KafkaException>(operation);

    private sealed class GatedLog : ICatalogLog
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _gate = new();

        public Task Reached => _reached.Task;
        public bool FailNext { get; set; }
        public Exception? Failure => null;

        public void Open() => _gate.Set();

        public void Append(IReadOnlyCollection<CatalogChange> changes, CatalogState after)
        {
            _reached.TrySetResult();
            _gate.Wait(Eventually.Patience).ShouldBeTrue();
            if (FailNext)
            {
                FailNext = false;
                throw new IOException("no space left on device");
            }
        }

        public void Dispose() => _gate.Dispose();
    }

    private sealed class RecordingListener(RecordingHost host) : ICatalogListener
    {
        public ConcurrentQueue<string> Events { get; } = [];

        public void OnTopicChanged(TopicMetadata topic) => Events.Enqueue($"changed {topic.Name}");

        public void OnTopicDeleted(TopicMetadata topic) =>
            Events.Enqueue($"deleted {topic.Name}" + (host.Calls.Contains($"remove {topic.Name}") ? " after remove" : ""));

        public void OnBrokerConfigChanged(BrokerConfig config) => Events.Enqueue("broker configs");
    }
}
