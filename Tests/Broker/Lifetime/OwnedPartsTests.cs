using Loire.Broker.Lifetime;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Lifetime;

public sealed class OwnedPartsTests
{
    private readonly OwnedParts _parts = new();
    private readonly List<string> _closed = [];

    [Fact]
    public async Task Parts_are_closed_in_the_reverse_order_and_once()
    {
        Own("log", fails: false);
        Own("groups", fails: false);
        await _parts.DisposeAsync();
        await _parts.DisposeAsync();
        _closed.ShouldBe(["groups", "log"]);
    }

    [Fact]
    public async Task Whichever_fails_all_others_are_closed_and_the_failure_is_told()
    {
        Own("log", fails: false);
        Own("groups", fails: true);
        Own("server", fails: true);
        var failure = await Should.ThrowAsync<IOException>(async () => await _parts.DisposeAsync());
        failure.Message.ShouldBe("groups");
        _closed.ShouldBe(["server", "groups", "log"]);
    }

    private void Own(string name, bool fails) => _parts.Own(new Part(() =>
    {
        _closed.Add(name);
        if (fails) throw new IOException(name);
    }));

    private sealed class Part(Action close) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Task.Yield();
            close();
        }
    }
}
