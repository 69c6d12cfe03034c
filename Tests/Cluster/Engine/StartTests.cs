using Shouldly;
using Xunit;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>Brokers that start while something else goes on, or goes wrong.</summary>
public sealed class StartTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_topic_that_is_created_while_a_broker_registers_has_its_replica_there()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        var starting = cluster[2];
        await starting.KillAsync();
        await cluster.NoticeAsync(starting);

        // The topic's controller sees the new run before the broker knows that it is registered.
        var registered = new TaskCompletionSource();
        var answer = new TaskCompletionSource();
        starting.Control.Registered = () =>
        {
            registered.SetResult();
            return answer.Task;
        };
        var start = starting.StartAsync(Token);
        await registered.Task;
        await cluster.CreateTopicAsync("orders", 2, 2);
        await starting.ToldAsync();
        answer.SetResult();
        await start;

        var counts = starting.Broker!.Health.Replicas;
        (counts.Led, counts.Following).ShouldBe((1, 1));
    }

    [Fact]
    public async Task A_topic_whose_state_cannot_be_read_keeps_no_broker_from_starting()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await cluster.CreateTopicAsync("orders", 1, 2);
        var unreadable = await cluster.CreateTopicAsync("unreadable", 1, 2);
        var starting = cluster[2];
        await starting.KillAsync();
        await cluster.NoticeAsync(starting);

        starting.Control.IsUnreadable = topic => topic == unreadable;
        await starting.StartAsync(Token).WaitAsync(Eventually.Patience, Token);
        starting.Broker!.Health.IsReady.ShouldBeTrue();
        await Eventually.IsTrueAsync(() => starting.Broker.Health.Replicas.Following == 1, "it has the other topic");

        starting.Control.IsUnreadable = _ => false;
        await Eventually.IsTrueAsync(() => starting.Broker.Health.Replicas.Following == 2, "it has the topic that can be read again");
    }
}
