using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Handlers;

/// <summary>How handlers ask a group's coordinator.</summary>
public static class GroupRequests
{
    /// <summary>Hands a command to the group's coordinator and waits for its answer. Where there is no coordinator here,
    /// the command answers with the reason itself.</summary>
    public static Task<TReply> AskAsync<TReply>(
        this IGroupCoordinators coordinators,
        GroupId group,
        Func<IReplyTo<TReply>, GroupCommand> command,
        CancellationToken aborted)
    {
        var reply = new ReplyTask<TReply>();
        var lookup = coordinators.Find(group);
        if (lookup.Coordinator is { } coordinator)
            coordinator.Submit(command(reply));
        else
            command(reply).Refuse(lookup.Error);
        return reply.Task.WaitAsync(aborted);
    }
}
