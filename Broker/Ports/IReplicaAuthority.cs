using Loire.Protocol;

namespace Loire.Broker.Ports;

/// <summary>Knows the brokers that may fetch as followers. A client must not pose as one: a leader takes a follower's
/// word for what is on its disk.</summary>
public interface IReplicaAuthority
{
    /// <param name="replicaEpoch">The follower's generation, as its fetch says (KIP-903); -1 where it says none.</param>
    /// <returns>NONE; BROKER_ID_NOT_REGISTERED; STALE_BROKER_EPOCH where this is not the broker's present
    /// generation.</returns>
    ErrorCode Check(NodeId follower, long replicaEpoch);
}

/// <summary>Of a broker that is alone: nobody follows it.</summary>
public sealed class NoFollowers : IReplicaAuthority
{
    public static readonly NoFollowers Instance = new();

    public ErrorCode Check(NodeId follower, long replicaEpoch) => ErrorCode.BrokerIdNotRegistered;
}
