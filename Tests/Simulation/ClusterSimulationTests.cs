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
        for (var seed = 1 + (piece * SeedsPerPiece); seed <= (piece + 1) * SeedsPerPiece; seed++)
        {
            var result = ClusterSimulation.Run(seed);
            result.Violation.ShouldBeNull(result.ToString());
            result.AcknowledgedCount.ShouldBePositive();
        }
    }

    [Fact]
    public void A_seed_replays_exactly_and_another_does_not()
    {
        var first = ClusterSimulation.Run(4711);
        var again = ClusterSimulation.Run(4711);
        again.Hash.ShouldBe(first.Hash);
        again.EventCount.ShouldBe(first.EventCount);
        again.Story.ShouldBe(first.Story);
        ClusterSimulation.Run(4712).Hash.ShouldNotBe(first.Hash);
    }
}
