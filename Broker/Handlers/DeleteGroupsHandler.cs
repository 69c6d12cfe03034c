using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>DeleteGroups, versions 0-2: deletes groups that have no members, with their offsets. Answers when that is
/// committed.</summary>
public sealed class DeleteGroupsHandler(IGroupCoordinators coordinators)
    : RequestHandler<DeleteGroupsRequest, DeleteGroupsResponse>
{
    public override async ValueTask<DeleteGroupsResponse> HandleAsync(RequestContext context, DeleteGroupsRequest request) =>
        new()
        {
            Results = [.. await Task.WhenAll(request.GroupsNames.Distinct().Select(group => DeleteAsync(context, group)))],
        };

    private async Task<DeleteGroupsResponse.DeletableGroupResult> DeleteAsync(RequestContext context, GroupId group) => new()
    {
        GroupId = group,
        ErrorCode = await coordinators.AskAsync<ErrorCode>(
            group, replyTo => new DeleteGroupCommand(group, replyTo), context.Aborted),
    };
}
