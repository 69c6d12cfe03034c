using Loire.Broker.Gateway;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Gateway;

public sealed class MemoryBudgetTests
{
    private readonly MemoryBudget _budget = new(capacityBytes: 10);

    [Fact]
    public async Task Turns_are_first_come_first_served()
    {
        (await TakeAsync(8)).ShouldBe(8);
        var large = TakeAsync(5);
        var small = TakeAsync(1);
        _budget.Release(3);
        (await large).ShouldBe(5);
        small.IsCompleted.ShouldBeFalse();
        _budget.Release(5);
        (await small).ShouldBe(1);
        _budget.UsedBytes.ShouldBe(6);
    }

    [Fact]
    public async Task Of_frames_that_all_wait_for_more_the_first_gets_the_rest_it_needs()
    {
        (await TakeAsync(5)).ShouldBe(5);
        (await TakeAsync(5)).ShouldBe(5);
        var first = TakeAsync(5, held: 5, rest: 20);
        first.IsCompleted.ShouldBeFalse();
        var second = TakeAsync(5, held: 5, rest: 20);
        (await first).ShouldBe(20);
        second.IsCompleted.ShouldBeFalse();
        _budget.Release(25);
        (await second).ShouldBe(5);
        _budget.UsedBytes.ShouldBe(10);
    }

    [Fact]
    public async Task A_frame_larger_than_the_budget_waits_until_it_is_alone()
    {
        (await TakeAsync(1)).ShouldBe(1);
        var larger = TakeAsync(11);
        larger.IsCompleted.ShouldBeFalse();
        _budget.Release(1);
        (await larger).ShouldBe(11);
    }

    [Fact]
    public async Task Who_leaves_makes_way_for_the_next()
    {
        using var gone = new CancellationTokenSource();
        (await TakeAsync(8)).ShouldBe(8);
        var leaving = _budget.TakeAsync(0, 5, 5, gone.Token).AsTask();
        var next = TakeAsync(2);
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(leaving);
        (await next).ShouldBe(2);
    }

    private Task<long> TakeAsync(long bytes, long held = 0, long? rest = null) =>
        _budget.TakeAsync(held, bytes, rest ?? bytes, TestContext.Current.CancellationToken).AsTask();
}
