using Loire.Grains.Storage;
using Orleans.Storage;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Storage;

public sealed class FileGrainStorageTests : IDisposable
{
    private static readonly GrainId Orders = GrainId.Create("loire.topic", "orders");

    private readonly string _directory = Path.Combine(Path.GetTempPath(), "loire-states-" + Guid.NewGuid().ToString("N"));

    public void Dispose()
    {
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_state_is_read_as_it_was_written_by_whoever_opens_the_directory()
    {
        var written = new GrainState<TopicNamesDocument>(Names("a", 1));
        await Storage().WriteStateAsync("topics", Orders, written);
        var read = await ReadAsync(Storage(), Orders);
        read.RecordExists.ShouldBeTrue();
        read.ETag.ShouldBe(written.ETag);
        read.State!.Topics.ShouldBe(written.State!.Topics);
        (await ReadAsync(Storage(), GrainId.Create("loire.topic", "payments"))).RecordExists.ShouldBeFalse();
    }

    [Fact]
    public async Task A_late_writer_is_refused()
    {
        var storage = Storage();
        var first = new GrainState<TopicNamesDocument>(Names("a", 1));
        await storage.WriteStateAsync("topics", Orders, first);
        var second = new GrainState<TopicNamesDocument>(Names("b", 1));
        await Should.ThrowAsync<InconsistentStateException>(() => storage.WriteStateAsync("topics", Orders, second));
        second = await ReadAsync(storage, Orders);
        await storage.WriteStateAsync("topics", Orders, second);
        await Should.ThrowAsync<InconsistentStateException>(() => storage.WriteStateAsync("topics", Orders, first));
    }

    [Fact]
    public async Task Of_many_that_write_at_once_one_wins()
    {
        var storage = Storage();
        for (var round = 0; round < 10; round++)
        {
            var state = await ReadAsync(storage, Orders);
            var won = await Task.WhenAll(Enumerable.Range(0, 8).Select(async writer =>
            {
                var own = new GrainState<TopicNamesDocument>(Names("writer-" + writer, round), state.ETag!);
                try
                {
                    await storage.WriteStateAsync("topics", Orders, own);
                    return writer;
                }
                catch (InconsistentStateException)
                {
                    return -1;
                }
            }));
            var winner = won.Single(writer => writer >= 0);
            (await ReadAsync(storage, Orders)).State!.Topics.Keys.ShouldBe(["writer-" + winner]);
        }
    }

    [Fact]
    public async Task A_cleared_state_does_not_take_an_old_tag()
    {
        var storage = Storage();
        var state = new GrainState<TopicNamesDocument>(Names("a", 1));
        await storage.WriteStateAsync("topics", Orders, state);
        var old = state.ETag!;
        await storage.ClearStateAsync("topics", Orders, state);
        var cleared = await ReadAsync(storage, Orders);
        cleared.RecordExists.ShouldBeFalse();
        await Should.ThrowAsync<InconsistentStateException>(
            () => storage.WriteStateAsync("topics", Orders, new GrainState<TopicNamesDocument>(Names("b", 1), old)));
        cleared.State = Names("c", 1);
        await storage.WriteStateAsync("topics", Orders, cleared);
        (await ReadAsync(storage, Orders)).State!.Topics.Keys.ShouldBe(["c"]);
    }

    [Fact]
    public async Task A_write_that_a_crash_cut_short_leaves_the_state_before_it()
    {
        await Storage().WriteStateAsync("topics", Orders, new GrainState<TopicNamesDocument>(Names("a", 1)));
        await File.WriteAllTextAsync(FileOf(Orders) + ".new", "loire-state 1 2 1", TestContext.Current.CancellationToken);
        var state = await ReadAsync(Storage(), Orders);
        state.State!.Topics.Keys.ShouldBe(["a"]);
        await Storage().WriteStateAsync("topics", Orders, state);
    }

    [Fact]
    public async Task Every_damaged_byte_is_found_and_the_file_named()
    {
        await Storage().WriteStateAsync("topics", Orders, new GrainState<TopicNamesDocument>(Names("a", 1)));
        var path = FileOf(Orders);
        var whole = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        for (var at = 0; at < whole.Length; at++)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 0x10;
            await File.WriteAllBytesAsync(path, damaged, TestContext.Current.CancellationToken);
            (await Should.ThrowAsync<StoredStateException>(() => ReadAsync(Storage(), Orders), $"byte {at}")).Message.ShouldContain(path);
        }

        for (var length = 0; length < whole.Length; length++)
        {
            await File.WriteAllBytesAsync(path, whole[..length], TestContext.Current.CancellationToken);
            await Should.ThrowAsync<StoredStateException>(() => ReadAsync(Storage(), Orders), $"cut to {length}");
        }
    }

    [Fact]
    public async Task A_state_of_a_newer_program_is_left_alone()
    {
        var newer = new GrainState<TopicNamesDocument>(Names("a", 1) with { Format = TopicNamesDocument.CurrentFormat + 1 });
        await Storage().WriteStateAsync("topics", Orders, newer);
        var refusal = await Should.ThrowAsync<StoredStateException>(() => ReadAsync(Storage(), Orders));
        refusal.Message.ShouldContain(FileOf(Orders));
        refusal.Message.ShouldContain("newer");
    }

    [Fact]
    public async Task Any_key_has_a_file_of_its_own_below_the_directory()
    {
        string[] keys = ["a", "a/b", "../../a", "..", ".", "%61", "ä", new('x', 249), new('x', 300), new('x', 301), "a b\n"];
        foreach (var key in keys)
        {
            await Storage().WriteStateAsync(
                "topics", GrainId.Create("loire.topic", key), new GrainState<TopicNamesDocument>(Names(key, 1)));
        }

        foreach (var key in keys)
            (await ReadAsync(Storage(), GrainId.Create("loire.topic", key))).State!.Topics.Keys.ShouldBe([key]);
        Directory.GetFiles(_directory, "*", SearchOption.AllDirectories).Length.ShouldBe(keys.Length);
    }

    private static TopicNamesDocument Names(string name, long version) =>
        new(TopicNamesDocument.CurrentFormat, new(StringComparer.Ordinal) { [name] = version });

    private static async Task<GrainState<TopicNamesDocument>> ReadAsync(FileGrainStorage storage, GrainId grain)
    {
        var state = new GrainState<TopicNamesDocument>();
        await storage.ReadStateAsync("topics", grain, state);
        return state;
    }

    private string FileOf(GrainId grain) => StateFile.PathOf(_directory, "topics", grain);

    private FileGrainStorage Storage() => new(_directory, new DocumentSerializer());
}
