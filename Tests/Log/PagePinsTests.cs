using Loire.Log;
using Shouldly;
using Xunit;

namespace Loire.Tests.Log;

public sealed class PagePinsTests
{
    [Fact]
    public void A_page_is_kept_only_as_long_as_its_memory_is_its_own()
    {
        var pins = new PagePins(pageCount: 4, firstPage: 10);
        pins.Begin(12);
        pins.TryPin(9).ShouldBeFalse();
        pins.TryPin(10).ShouldBeTrue();
        pins.Unpin(10);
        pins.Begin(13);
        pins.TryPin(10).ShouldBeFalse();
        pins.TryPin(11).ShouldBeTrue();
        pins.TryPin(13).ShouldBeTrue();
    }

    [Fact]
    public async Task A_page_that_is_sent_from_holds_back_the_one_that_takes_its_place()
    {
        var pins = new PagePins(pageCount: 4, firstPage: 0);
        pins.TryPin(0).ShouldBeTrue();
        var begun = new TaskCompletionSource();
        var begin = Task.Run(
            () =>
            {
                begun.SetResult();
                pins.Begin(3);
            },
            TestContext.Current.CancellationToken);
        await begun.Task;
        // From when the third page is being begun, nobody new may have the first.
        await Eventually.IsTrueAsync(() =>
        {
            if (!pins.TryPin(0)) return true;
            pins.Unpin(0);
            return false;
        });
        begin.IsCompleted.ShouldBeFalse();
        pins.Unpin(0);
        await begin;
    }
}
