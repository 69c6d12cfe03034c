using Loire.Broker.Groups;
using Loire.Protocol;

namespace Loire.Tests.Broker.Groups;

internal static class GroupWorldExtensions
{
    /// <summary>A first generation of two members that waits for its leader's assignment.</summary>
    public static (JoinGroupReply Leader, JoinGroupReply Follower) TwoMembers(
        this GroupWorld world, string? leaderInstance = null, string? followerInstance = null)
    {
        var first = world.Join(clientId: "one", instanceId: leaderInstance);
        var second = world.Join(clientId: "two", instanceId: followerInstance);
        world.Advance(6_000);
        return (first.Value, second.Value);
    }

    /// <summary>The leader assigns to every member its own id, and every member asks for it.</summary>
    public static void Stabilize(this GroupWorld world, string leader, int generation)
    {
        var ids = world.MemberIds();
        foreach (var id in ids.Where(id => id != leader))
            world.Sync(id, generation);
        world.Sync(leader, generation, ids.ToDictionary(id => id, id => System.Text.Encoding.UTF8.GetBytes(id)));
    }

    public static List<string> MemberIds(this GroupWorld world, string group = "g") =>
        [.. world.Core.Describe(new GroupId(group))!.Members.Select(member => member.MemberId)];

    /// <summary>Sends a member's heartbeats for a while, whatever they are answered.</summary>
    public static void KeepAlive(this GroupWorld world, string memberId, int generation, long ms)
    {
        for (var end = world.NowMs + ms; world.NowMs < end;)
        {
            world.Heartbeat(memberId, generation);
            world.Advance(Math.Min(3_000, end - world.NowMs));
        }
    }
}
