using Loire.Broker.Ports;
using Loire.Grains.Control;
using Loire.Grains.Storage;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Storage;

public sealed class StateKeeperTests
{
    private static readonly GrainId Grain = GrainId.Create("loire.cluster", "cluster");

    private readonly SharedStorage _storage = new();
    private readonly List<string> _announced = [];

    [Fact]
    public async Task What_comes_while_a_write_is_under_way_shares_the_next_one()
    {
        var gate = new TaskCompletionSource();
        _storage.BeforeWrite = () => gate.Task;
        var keeper = await KeeperAsync();
        Task[] changes = [.. Enumerable.Range(0, 100).Select(i => AddAsync(keeper, "topic-" + i))];
        gate.SetResult();
        await Task.WhenAll(changes);
        _storage.Writes.ShouldBe(2);
        _announced.Count.ShouldBe(2);
        keeper.Current.Versions.Count.ShouldBe(100);
        (await KeeperAsync()).Current.Versions.Count.ShouldBe(100);
    }

    [Fact]
    public async Task A_refusal_concerns_its_own_change_only()
    {
        var gate = new TaskCompletionSource();
        _storage.BeforeWrite = () => gate.Task;
        var keeper = await KeeperAsync();
        var first = AddAsync(keeper, "a");
        var second = AddAsync(keeper, "b");
        var refused = keeper.ChangeAsync(_ => throw new KafkaException(ErrorCode.InvalidRequest, "no"));
        var third = AddAsync(keeper, "c");
        gate.SetResult();
        (await Should.ThrowAsync<KafkaException>(() => refused)).Code.ShouldBe(ErrorCode.InvalidRequest);
        await Task.WhenAll(first, second, third);
        keeper.Current.Versions.Keys.ShouldBe(["a", "b", "c"]);
    }

    [Fact]
    public async Task Nothing_is_written_or_announced_where_nothing_changes()
    {
        var keeper = await KeeperAsync();
        await keeper.ChangeAsync(names => new(names));
        _storage.Writes.ShouldBe(0);
        _announced.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_was_slower_decides_anew_on_what_the_other_wrote()
    {
        var (one, two) = (await KeeperAsync(), await KeeperAsync());
        await AddAsync(one, "a");
        var met = new List<int>();
        await two.ChangeAsync(names =>
        {
            met.Add(names.Versions.Count);
            return new(names.Add("b", 1));
        });
        met.ShouldBe([0, 1]);
        two.Current.Versions.Keys.ShouldBe(["a", "b"]);
        await AddAsync(one, "c");
        one.Current.Versions.Keys.ShouldBe(["a", "b", "c"]);
    }

    [Fact]
    public async Task Who_is_told_to_be_behind_reads_again_once()
    {
        var (one, two) = (await KeeperAsync(), await KeeperAsync());
        await AddAsync(one, "a");
        var met = new List<int>();
        await two.ChangeAsync(names =>
        {
            met.Add(names.Versions.Count);
            return new(names, IsBehind: true);
        });
        met.ShouldBe([0, 1]);
    }

    [Fact]
    public async Task A_failed_storage_fails_the_changes_and_is_asked_again()
    {
        var keeper = await KeeperAsync();
        await AddAsync(keeper, "a");
        _storage.IsAway = true;
        (await Should.ThrowAsync<StoredStateException>(() => AddAsync(keeper, "b"))).Message.ShouldContain("The storage is away.");
        keeper.Current.Versions.Keys.ShouldBe(["a"]);
        _storage.IsAway = false;
        await AddAsync(keeper, "c");
        keeper.Current.Versions.Keys.ShouldBe(["a", "c"]);
    }

    [Fact]
    public async Task A_write_that_was_taken_unnoticed_is_found_later()
    {
        var keeper = await KeeperAsync();
        _storage.LosesAnswers = true;
        await Should.ThrowAsync<StoredStateException>(() => AddAsync(keeper, "a"));
        _announced.ShouldBeEmpty();
        _storage.LosesAnswers = false;
        await AddAsync(keeper, "b");
        keeper.Current.Versions.Keys.ShouldBe(["a", "b"]);
    }

    private static Task AddAsync(StateKeeper<TopicNameRegistry, TopicNamesDocument> keeper, string name) =>
        keeper.ChangeAsync(names => new(names.Add(name, 1)));

    private async Task<StateKeeper<TopicNameRegistry, TopicNamesDocument>> KeeperAsync()
    {
        var bridge = new StorageBridge<TopicNamesDocument>(_storage, "topics", Grain);
        await bridge.ReadStateAsync();
        return new(bridge, TopicNameRegistry.Form, names => _announced.Add(string.Join(',', names.Versions.Keys)));
    }
}
