using Loire.Broker.Replication;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Replication;

public sealed class ThrottleCoreTests
{
    private const long Rate = 1_000;

    private readonly ThrottleCore _throttle = new();

    [Fact]
    public void What_goes_past_the_rate_is_waited_for()
    {
        _throttle.AskAgainAtMs(Rate, 0).ShouldBe(0, "a second's worth is free");
        _throttle.Take(1_500, Rate, 0);
        _throttle.AskAgainAtMs(Rate, 0).ShouldBe(501);
        _throttle.AskAgainAtMs(Rate, 200).ShouldBe(501);
        _throttle.AskAgainAtMs(Rate, 501).ShouldBe(501);
    }

    [Fact]
    public void However_much_went_past_it_the_question_comes_again_within_a_second()
    {
        _throttle.Take(1_000_000, Rate, 0);
        _throttle.AskAgainAtMs(Rate, 0).ShouldBe(1_000);
        _throttle.AskAgainAtMs(Rate, 998_000).ShouldBe(999_000);
        _throttle.AskAgainAtMs(Rate, 998_500).ShouldBe(999_001);
        _throttle.AskAgainAtMs(Rate, 999_001).ShouldBe(999_001);
    }

    [Fact]
    public void The_mean_is_the_rate_however_much_is_taken_at_a_time()
    {
        var nowMs = 0L;
        var taken = 0L;
        for (var bytes = 1; taken < 1_000_000; bytes = (bytes * 7 % 5_003) + 1)
        {
            while (_throttle.AskAgainAtMs(Rate, nowMs) is var againMs && againMs > nowMs) nowMs = againMs;
            _throttle.Take(bytes, Rate, nowMs);
            taken += bytes;
        }

        (taken * 1_000.0 / nowMs).ShouldBe(Rate, tolerance: Rate * 0.02);
    }

    [Fact]
    public void What_was_not_used_long_ago_is_not_made_up_for()
    {
        _throttle.Take(Rate, Rate, 0);
        _throttle.Take(Rate + 1, Rate, 3_600_000);
        _throttle.AskAgainAtMs(Rate, 3_600_000).ShouldBeGreaterThan(3_600_000);
    }

    [Fact]
    public void Another_rate_holds_from_now_on()
    {
        _throttle.Take(1_500, Rate, 0);
        _throttle.AskAgainAtMs(Rate, 0).ShouldBe(501);
        _throttle.AskAgainAtMs(10 * Rate, 0).ShouldBe(51);
        _throttle.AskAgainAtMs(long.MaxValue, 1).ShouldBe(1);
    }

    [Fact]
    public void At_rate_0_nothing_moves()
    {
        _throttle.AskAgainAtMs(0, 0).ShouldBe(1);
        _throttle.AskAgainAtMs(0, 3_600_000).ShouldBe(3_600_001);
    }

    [Fact]
    public void A_clock_that_is_set_back_gives_nothing()
    {
        _throttle.Take(1_500, Rate, 10_000);
        _throttle.AskAgainAtMs(Rate, 0).ShouldBe(501);
        _throttle.AskAgainAtMs(Rate, 200).ShouldBe(501);
    }
}
