using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Control;

/// <summary>The in-sync set a leader asks its controller for (KIP-497). Until the leader knows a newer partition epoch it
/// counts everybody it has proposed, for the proposal may be granted late.</summary>
public sealed record InSyncProposal(
    NodeId Leader, LeaderEpoch LeaderEpoch, int PartitionEpoch, ImmutableArray<NodeId> InSync);
