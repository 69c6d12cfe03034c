using Loire.Client;
using Loire.Grains.Interfaces;
using Loire.Tests.Cluster.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster;

public sealed class CoordinatorCallTests
{
    private const string Group = "billing";
    private const string Offsets = "__consumer_offsets";

    private readonly FakeLoire _loire = new();
    private readonly CoordinatorCall _call;

    public CoordinatorCallTests() => _call = new CoordinatorCall(((LoireClient)_loire.CreateClient()).Context, Group);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_election_of_another_coordinator_ends_the_wait_for_the_others()
    {
        var offsets = _loire.AddTopic(Offsets, 3);
        var waiting = _call.RunAsync(_ => new TaskCompletionSource<int>().Task, TimeSpan.FromMinutes(20), Cancelled);
        await Eventually.IsTrueAsync(() => offsets.Descriptions > 0);
        offsets.Elect();
        var moved = await Should.ThrowAsync<LoireException>(() => waiting.WaitAsync(Eventually.Patience, Cancelled));
        moved.Error.ShouldBe((short)ErrorCode.NotLeaderOrFollower);
    }

    [Fact]
    public async Task Where_no_election_tells_of_the_loss_the_limit_ends_the_wait() =>
        await Should.ThrowAsync<TimeoutException>(() => _call
            .RunAsync(_ => new TaskCompletionSource<int>().Task, TimeSpan.FromMilliseconds(10), Cancelled)
            .WaitAsync(Eventually.Patience, Cancelled));
}
