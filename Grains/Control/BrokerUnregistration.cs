using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains.Push;
using Loire.Grains.Storage;
using Loire.Protocol;

namespace Loire.Grains.Control;

/// <summary>Takes a broker out of the cluster, for good. Topics name no broker that is unregistered: controllers place replicas
/// only on brokers that are registered and not retired. So the broker is retired first, all others are to have heard of it, and
/// only then are the topics asked, each behind what its controller was about to persist. Who registers anew meanwhile ends the
/// retirement, and is not removed. A refusal leaves the broker retired: it is to go, and gets no more while its replicas are
/// moved.
/// <para>What stays open: a second activation of a topic's controller that decided before it heard of the retirement, and whose
/// write is still on its way when the first one is asked. Such a partition is under-replicated, as with a broker that is down,
/// and is moved as if it were.</para></summary>
internal sealed class BrokerUnregistration(
    StateKeeper<ClusterState, ClusterDocument> cluster,
    StateKeeper<TopicNameRegistry, TopicNamesDocument> names,
    IClusterMembershipService membership,
    IPusher pusher,
    IGrainFactory grains)
{
    private const int TopicsAtOnce = 32;
    private const int PartitionsNamed = 5;

    /// <exception cref="KafkaException">BROKER_ID_NOT_REGISTERED; POLICY_VIOLATION while it is up, or holds replicas;
    /// DUPLICATE_BROKER_REGISTRATION: it came back meanwhile; REQUEST_TIMED_OUT: another broker does not answer.</exception>
    public async Task<ClusterRecord> RunAsync(NodeId node)
    {
        if (cluster.Current.Record.Find(node) is { } known) await CheckGoneAsync(known);
        var retired = (await cluster.ChangeAsync(state => new(state.Retire(node)))).Record;
        await TellAllAsync(node, retired);
        await CheckEmptyAsync(node);

        var unregistered = (await cluster.ChangeAsync(state => new(state.Unregister(retired.Find(node)!.Started)))).Record;
        await pusher.Push(unregistered).WaitAsync();
        return unregistered;
    }

    private async Task CheckGoneAsync(BrokerRegistration broker)
    {
        await membership.Refresh();
        var endpoint = broker.Endpoint;
        if (LiveBrokers.SilosOf(membership.CurrentSnapshot, endpoint.Node).Any(member => member.Status != SiloStatus.Dead))
        {
            throw new KafkaException(
                ErrorCode.PolicyViolation,
                $"Broker {endpoint.Node}, at {endpoint.Host}:{endpoint.Port}, is up, or not declared dead yet: stop it before it is "
                + "unregistered.");
        }
    }

    /// <summary>A broker that has come up since the retirement was persisted has read of it.</summary>
    private async Task TellAllAsync(NodeId node, ClusterRecord retired)
    {
        await membership.Refresh();
        var announcement = pusher.Push(retired);
        await announcement.WaitAsync();
        foreach (var (slow, _) in announcement.Brokers.Where(broker => !broker.Learned.IsCompleted))
        {
            throw new KafkaException(
                ErrorCode.RequestTimedOut,
                $"Broker {slow} has not taken in yet that broker {node} is to be unregistered: ask again.");
        }
    }

    private async Task CheckEmptyAsync(NodeId node)
    {
        // Another activation may have noted topics.
        var noted = await names.ReadAgainAsync();
        var held = new List<string>();
        foreach (var some in noted.Versions.Keys.Chunk(TopicsAtOnce))
        {
            var found = await Task.WhenAll(
                some.Select(topic => grains.GetGrain<ITopicControlGrain>(topic).FindReplicasAsync(node)));
            held.AddRange(some.Zip(found).SelectMany(topic => topic.Second.Select(partition => $"{topic.First}-{partition}")));
        }

        if (held.Count == 0) return;
        var rest = held.Count > PartitionsNamed ? $" and {held.Count - PartitionsNamed} more" : "";
        throw new KafkaException(
            ErrorCode.PolicyViolation,
            $"Broker {node} holds replicas of {string.Join(", ", held.Take(PartitionsNamed))}{rest}: move them to other brokers first, "
            + $"as 'loire brokers replace --lost {node}' does. It gets no new ones.");
    }
}
