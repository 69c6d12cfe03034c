using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Loire.Broker.Control;
using Loire.Cluster;
using Loire.Grains.Push;
using Loire.Protocol;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Push;

public sealed class PushTargetTests
{
    private readonly List<ImmutableArray<TopicRecord>> _sent = [];
    private Func<Task> _answer = () => Task.CompletedTask;
    private volatile bool _isLive = true;

    [Fact]
    public async Task A_slow_broker_is_told_of_the_newest_state_of_each_topic_only()
    {
        var gate = new TaskCompletionSource();
        _answer = () => gate.Task;
        var target = Target();
        var first = target.Add(parcel => parcel.Add(Record("a", 1)));
        await UntilAsync(() => _sent.Count == 1);
        var later = Enumerable.Range(2, 100).Select(version => target.Add(parcel => parcel.Add(Record("a", version)))).ToArray();
        var other = target.Add(parcel => parcel.Add(Record("b", 1)));
        first.IsCompleted.ShouldBeFalse();

        gate.SetResult();
        (await first).ShouldBeTrue();
        (await Task.WhenAll(later)).ShouldAllBe(learned => learned);
        (await other).ShouldBeTrue();
        _sent.Count.ShouldBe(2);
        _sent[1].Select(topic => (topic.Name.Value, topic.Version)).Order().ShouldBe([("a", 101), ("b", 1)]);
    }

    [Fact]
    public async Task What_did_not_arrive_is_sent_again_unless_something_newer_takes_its_place()
    {
        var fails = 2;
        var allAdded = new TaskCompletionSource();
        _answer = async () =>
        {
            await allAdded.Task;
            if (fails-- > 0) throw new TimeoutException("no answer");
        };
        var target = Target();
        var first = target.Add(parcel =>
        {
            parcel.Add(Record("a", 1));
            parcel.Add(Record("b", 1));
        });
        var newer = target.Add(parcel => parcel.Add(Record("a", 2)));
        allAdded.SetResult();
        (await first).ShouldBeTrue();
        (await newer).ShouldBeTrue();
        _sent[^1].Select(topic => (topic.Name.Value, topic.Version)).Order().ShouldBe([("a", 2), ("b", 1)]);
    }

    [Fact]
    public async Task A_dead_broker_is_given_up()
    {
        _answer = () => throw new TimeoutException("no answer");
        var target = Target();
        var told = target.Add(parcel => parcel.Add(Record("a", 1)));
        await UntilAsync(() => _sent.Count > 0);
        told.IsCompleted.ShouldBeFalse();
        _isLive = false;
        (await told).ShouldBeFalse();
    }

    [Fact]
    public async Task An_older_record_never_takes_the_place_of_a_newer_one()
    {
        var gate = new TaskCompletionSource();
        _answer = () => gate.Task;
        var target = Target();
        _ = target.Add(parcel => parcel.Add(Record("z", 1)));
        await UntilAsync(() => _sent.Count == 1);
        _ = target.Add(parcel => parcel.Add(Record("a", 9)));
        var last = target.Add(parcel => parcel.Add(Record("a", 3)));
        gate.SetResult();
        (await last).ShouldBeTrue();
        _sent[^1].ShouldHaveSingleItem().Version.ShouldBe(9);
    }

    [Fact]
    public async Task Many_topics_go_in_several_calls()
    {
        var target = Target();
        var told = target.Add(parcel =>
        {
            for (var i = 0; i < 1_200; i++) parcel.Add(Record("topic-" + i, 1));
        });
        (await told).ShouldBeTrue();
        _sent.Count.ShouldBeGreaterThan(2);
        _sent.Sum(topics => topics.Length).ShouldBe(1_200);
    }

    internal static TopicRecord Record(string name, long version) => new(
        new TopicName(name),
        new TopicId(Guid.Parse("11111111-2222-3333-4444-555555555555")),
        version,
        IsDeleted: false,
        ImmutableSortedDictionary<string, string>.Empty,
        new TopicControlState([], [], AllowsUncleanElection: false));

    private PushTarget Target() => new(
        "broker 2",
        (topics, _) =>
        {
            lock (_sent) _sent.Add(topics);
            return _answer();
        },
        () => _isLive,
        TimeProvider.System,
        NullLogger.Instance);

    private Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") => Eventually.IsTrueAsync(
        () =>
        {
            lock (_sent) return condition();
        },
        what);
}
