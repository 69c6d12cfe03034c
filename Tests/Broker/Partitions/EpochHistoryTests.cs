using Loire.Broker.Partitions;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Partitions;

public sealed class EpochHistoryTests
{
    private readonly EpochHistory _history = new();

    public EpochHistoryTests()
    {
        Assign(1, 10);
        Assign(3, 20);
        Assign(6, 35);
    }

    [Theory]
    [InlineData(6, 6, 50)]
    [InlineData(5, 3, 35)]
    [InlineData(3, 3, 35)]
    [InlineData(2, 1, 20)]
    [InlineData(1, 1, 20)]
    [InlineData(0, 0, 10)]
    [InlineData(7, -1, -1)]
    [InlineData(-1, -1, -1)]
    public void The_end_of_an_epoch_is_the_start_of_the_next(int asked, int epoch, long end) =>
        _history.EndOf(new LeaderEpoch(asked), new Offset(50)).ShouldBe(new EpochEnd(new LeaderEpoch(epoch), new Offset(end)));

    [Theory]
    [InlineData(5, -1)]
    [InlineData(10, 1)]
    [InlineData(34, 3)]
    [InlineData(35, 6)]
    [InlineData(99, 6)]
    public void Every_offset_has_the_epoch_it_was_written_in(long offset, int epoch) =>
        _history.EpochAt(new Offset(offset)).ShouldBe(new LeaderEpoch(epoch));

    [Fact]
    public void Older_epochs_change_nothing()
    {
        Assign(6, 60);
        Assign(2, 60);
        _history.Starts.Length.ShouldBe(3);
    }

    [Fact]
    public void An_epoch_that_wrote_nothing_vanishes()
    {
        Assign(7, 50);
        Assign(8, 50);
        _history.EndOf(new LeaderEpoch(7), new Offset(60)).ShouldBe(new EpochEnd(new LeaderEpoch(6), new Offset(50)));
    }

    [Fact]
    public void Truncation_forgets_what_began_after_it()
    {
        _history.TruncateTo(new Offset(20));
        _history.Latest.ShouldBe(new LeaderEpoch(1));
    }

    [Fact]
    public void A_risen_log_start_keeps_the_epoch_that_holds_it()
    {
        _history.AdvanceTo(new Offset(25));
        _history.Starts.ToArray().ShouldBe(
            [new EpochStart(new LeaderEpoch(3), new Offset(25)), new EpochStart(new LeaderEpoch(6), new Offset(35))]);
    }

    private void Assign(int epoch, long start) => _history.Assign(new LeaderEpoch(epoch), new Offset(start));
}
