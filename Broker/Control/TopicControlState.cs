using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Control;

/// <summary>Everything the controller of a topic persists of its partitions. Immutable.</summary>
/// <param name="Partitions">By partition number.</param>
/// <param name="Generations">The newest start of each broker that was noted.</param>
/// <param name="AllowsUncleanElection">unclean.leader.election.enable: where no in-sync replica is up, another may lead,
/// and what only the in-sync ones had is lost.</param>
public sealed record TopicControlState(
    ImmutableArray<PartitionState> Partitions,
    ImmutableArray<BrokerGeneration> Generations,
    bool AllowsUncleanElection)
{
    public PartitionState? Find(PartitionIndex partition) =>
        (uint)partition.Value < (uint)Partitions.Length ? Partitions[partition.Value] : null;
}

/// <param name="Generation">Higher with each start of the broker's process.</param>
/// <param name="DirectoryId">Of the data directory it started with: another one means that all its replicas are lost
/// (KIP-858).</param>
public readonly record struct BrokerGeneration(NodeId Broker, long Generation, string DirectoryId);

/// <summary>What a command came to. The driver persists <see cref="State"/> under the version it read (ETag), and only
/// then answers and announces; where another activation was faster, and on NOT_CONTROLLER, it reads again and repeats the
/// command.</summary>
/// <param name="Changed">The partitions to announce.</param>
/// <param name="HasChanges">Whether there is anything to persist.</param>
public readonly record struct ControlStep(
    TopicControlState State, ErrorCode Error, ImmutableArray<PartitionIndex> Changed, bool HasChanges);
