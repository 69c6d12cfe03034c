using FsCheck;
using FsCheck.Fluent;
using Loire.Bench.Statistics;
using Shouldly;
using Xunit;

namespace Loire.Tests.Bench;

public sealed class LatencyHistogramTests
{
    private const double RelativeError = 1.0 / 128;

    [Fact]
    public void Every_percentile_is_the_sorted_values_own_to_under_one_percent() =>
        Prop.ForAll(Durations(), Gen.Choose(1, 1_000).ToArbitrary(), (ticks, permille) =>
        {
            var histogram = new LatencyHistogram();
            Array.ForEach(ticks, value => histogram.Record(TimeSpan.FromTicks(value)));
            var sorted = ticks.Order().ToArray();
            var exact = sorted[(int)Math.Ceiling(sorted.Length * (permille / 10.0) / 100) - 1];
            var found = histogram.Percentile(permille / 10.0).Ticks;
            return found >= exact && found <= exact * (1 + RelativeError);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_highest_percentile_is_the_largest_value_itself()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(TimeSpan.FromTicks(1));
        histogram.Record(TimeSpan.FromTicks(123_457));

        histogram.Percentile(100).ShouldBe(TimeSpan.FromTicks(123_457));
        histogram.Max.ShouldBe(TimeSpan.FromTicks(123_457));
        histogram.Count.ShouldBe(2);
    }

    [Fact]
    public void The_longest_duration_there_is_fits()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(TimeSpan.MaxValue);

        histogram.Percentile(50).ShouldBe(TimeSpan.MaxValue);
    }

    [Fact]
    public void Without_values_it_is_zero() => new LatencyHistogram().Summarise().ShouldBe(new LatencySummary(0, 0, 0, 0, 0));

    /// <summary>From nothing to a minute, short ones as often as long ones.</summary>
    private static Arbitrary<long[]> Durations()
    {
        var duration = from bits in Gen.Choose(0, 29)
                       from value in Gen.Choose(0, (1 << bits) - 1)
                       select (long)value;
        return duration.NonEmptyListOf().Select(list => list.ToArray()).ToArbitrary();
    }
}
