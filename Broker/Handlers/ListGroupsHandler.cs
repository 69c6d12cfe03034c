using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>ListGroups, versions 0-5: the groups coordinated here, filtered by state (from version 4 on) and by type (from
/// version 5 on), case aside. COORDINATOR_LOAD_IN_PROGRESS while one of the coordinators loads.</summary>
public sealed class ListGroupsHandler(IGroupCoordinators coordinators)
    : RequestHandler<ListGroupsRequest, ListGroupsResponse>
{
    public const string ClassicType = "classic";

    public override ValueTask<ListGroupsResponse> HandleAsync(RequestContext context, ListGroupsRequest request)
    {
        var response = new ListGroupsResponse();
        var types = request.TypesFilter;
        if (types.Count > 0 && !types.Any(type => type.Trim().Equals(ClassicType, StringComparison.OrdinalIgnoreCase)))
            return ValueTask.FromResult(response);

        var states = request.StatesFilter.Select(state => state.Trim()).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var coordinator in coordinators.Local)
        {
            var (error, groups) = coordinator.List();
            if (error == ErrorCode.NotCoordinator)
                continue;
            if (error != ErrorCode.None)
                return ValueTask.FromResult(new ListGroupsResponse { ErrorCode = error });
            foreach (var group in groups.Where(group => states.Count == 0 || states.Contains(group.State.Name())))
            {
                response.Groups.Add(new ListGroupsResponse.ListedGroup
                {
                    GroupId = group.Group,
                    ProtocolType = group.ProtocolType,
                    GroupState = group.State.Name(),
                    GroupType = ClassicType,
                });
            }
        }
        return ValueTask.FromResult(response);
    }
}
