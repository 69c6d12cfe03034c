using Loire.Simulation;
using Shouldly;
using Xunit;

namespace Loire.Tests.Simulation;

public sealed class ClusterSimulationTests
{
    /// <summary>In pieces, so that a failing seed is found soon and the others run on.</summary>
    public static TheoryData<int> Pieces => [.. Enumerable.Range(0, 8)];

    [Theory]
    [MemberData(nameof(Pieces))]
    public void Every_invariant_holds_whatever_fails(int piece)
    {
        const int SeedsPerPiece = 50;
        var fullDisks = new List<FullDisks>();
        for (var seed = 1 + (piece * SeedsPerPiece); seed <= (piece + 1) * SeedsPerPiece; seed++)
        {
            var result = ClusterSimulation.Run(seed);
            result.Violation.ShouldBeNull(result.ToString());
            result.AcknowledgedCount.ShouldBePositive();
            fullDisks.Add(result.FullDisks);
        }

        Meet(met => met.RefusedCount).ShouldBeGreaterThan(SeedsPerPiece / 2, "batches were refused for want of room");
        Meet(met => met.WaitedCount).ShouldBeGreaterThan(SeedsPerPiece / 2, "batches waited for room");
        Meet(met => met.HandedOverCount).ShouldBeGreaterThan(SeedsPerPiece / 2, "leaderships were handed over");
        Meet(met => met.LedAgainCount).ShouldBeGreaterThan(SeedsPerPiece / 5, "brokers led again that had handed theirs over");
        Meet(met => met.ReadCount).ShouldBeGreaterThan(SeedsPerPiece / 5, "brokers were read that took no batches");
        Meet(met => met.CrashedCount).ShouldBeGreaterThan(SeedsPerPiece / 5, "brokers crashed whose disk was full");
        Meet(met => met.DeletedCount).ShouldBePositive("records were deleted on brokers that took no batches");

        int Meet(Func<FullDisks, int> count) => fullDisks.Count(met => count(met) > 0);
    }

    [Fact]
    public void A_seed_replays_exactly_and_another_does_not()
    {
        var first = ClusterSimulation.Run(4713);
        var again = ClusterSimulation.Run(4713);
        first.FullDisks.WaitedCount.ShouldBePositive("what is awaited is replayed as well");
        again.Hash.ShouldBe(first.Hash);
        again.EventCount.ShouldBe(first.EventCount);
        again.Story.ShouldBe(first.Story);
        ClusterSimulation.Run(4712).Hash.ShouldNotBe(first.Hash);
    }
}
