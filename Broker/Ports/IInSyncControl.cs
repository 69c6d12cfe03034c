using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>The way from a leader to the controller of its topic.</summary>
public interface IInSyncControl
{
    /// <summary>Sends a proposal, best effort: the leader repeats it. The answer, whatever it is, carries the partition's
    /// current state, which is to be applied to the replica. Called with no lock held; must not block.</summary>
    void Propose(TopicIdPartition partition, InSyncProposal proposal);
}
