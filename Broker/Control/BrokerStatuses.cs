using System.Collections.Immutable;
using Loire.Protocol;

namespace Loire.Broker.Control;

/// <summary>The brokers as the membership sees them now. May be wrong: epochs, not this, keep data safe.</summary>
/// <param name="Live">Those that answer.</param>
/// <param name="Draining">Those of them that are about to stop or cannot take records: they keep what they have but are not
/// elected while another can be.</param>
public sealed record BrokerStatuses(ImmutableArray<NodeId> Live, ImmutableArray<NodeId> Draining)
{
    public bool IsLive(NodeId broker) => Live.Contains(broker);

    public bool CanLead(NodeId broker) => Live.Contains(broker) && !Draining.Contains(broker);
}
