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

        // Seeds that say something of full disks, far fewer than do as it stands.
        Meet(met => met.RefusedCount).ShouldBeGreaterThan(SeedsPerPiece / 4, "batches were refused for want of room");
        Meet(met => met.WaitedCount).ShouldBeGreaterThan(SeedsPerPiece / 4, "batches waited for room");
        Meet(met => met.HandedOverCount).ShouldBeGreaterThan(SeedsPerPiece / 4, "leaderships were handed over");
        Meet(met => met.LedAgainCount).ShouldBeGreaterThan(SeedsPerPiece / 10, "brokers led again that had handed theirs over");
        Meet(met => met.ReadCount).ShouldBeGreaterThan(SeedsPerPiece / 10, "brokers were read that took no batches");
        Meet(met => met.CrashedCount).ShouldBeGreaterThan(SeedsPerPiece / 10, "brokers crashed whose disk was full");

        int Meet(Func<FullDisks, int> count) => fullDisks.Count(met => count(met) > 0);
    }

    [Fact]
    public void Records_are_deleted_on_brokers_that_take_no_batches() =>
        Enumerable.Range(1, 200).Any(seed => ClusterSimulation.Run(seed).FullDisks.DeletedCount > 0).ShouldBeTrue();

    /// <summary>What is awaited, as batches that wait for room, is replayed as well.</summary>
    [Fact]
    public void A_seed_replays_exactly_and_another_does_not()
    {
        var first = Enumerable.Range(1, 50).Select(seed => ClusterSimulation.Run(seed)).First(run => run.FullDisks.WaitedCount > 0);
        var again = ClusterSimulation.Run(first.Seed);
        again.Hash.ShouldBe(first.Hash);
        again.EventCount.ShouldBe(first.EventCount);
        again.Story.ShouldBe(first.Story);
        ClusterSimulation.Run(first.Seed + 1).Hash.ShouldNotBe(first.Hash);
    }
}
