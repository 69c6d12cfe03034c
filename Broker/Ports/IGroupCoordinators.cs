using Loire.Broker.Groups;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>Who coordinates a group: whoever leads the group's partition of __consumer_offsets.</summary>
public interface IGroupCoordinators
{
    /// <summary>The coordinators that run here, loading ones included.</summary>
    IReadOnlyCollection<GroupCoordinator> Local { get; }

    /// <summary>The local coordinator of a group.</summary>
    GroupCoordinatorLookup Find(GroupId group);

    /// <summary>Where a group's coordinator runs. Creates __consumer_offsets where there is none yet.</summary>
    ValueTask<CoordinatorLocation> LocateAsync(GroupId group, CancellationToken cancellationToken);
}

/// <param name="Error">NONE where <paramref name="Coordinator"/> is set; else NOT_COORDINATOR or
/// COORDINATOR_NOT_AVAILABLE.</param>
public readonly record struct GroupCoordinatorLookup(ErrorCode Error, GroupCoordinator? Coordinator);

/// <param name="Error">NONE where <paramref name="Broker"/> is set; else COORDINATOR_NOT_AVAILABLE, or why
/// __consumer_offsets could not be created.</param>
/// <param name="Message">For people; null where there is nothing to say.</param>
public readonly record struct CoordinatorLocation(ErrorCode Error, BrokerEndpoint? Broker, string? Message = null);
