using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster.Replicas;

/// <summary>How the partitions stand that this broker has replicas of.</summary>
/// <param name="UnderReplicated">Led here, with a replica that is not in sync.</param>
/// <param name="Offline">With a replica here, and without a leader or with a log that could not be opened.</param>
/// <param name="UnderMinInSync">Led here, with fewer in sync than min.insync.replicas: acks=all is refused.</param>
public sealed record ReplicaCounts(int Led, int Following, int UnderReplicated, int Offline, int UnderMinInSync)
{
    internal static ReplicaCounts Of(IEnumerable<HostedTopic> topics, NodeId self, Func<TopicRecord, TopicConfig> configOf)
    {
        int led = 0, following = 0, underReplicated = 0, offline = 0, underMinInSync = 0;
        foreach (var topic in topics)
        {
            var minInSync = configOf(topic.Record).MinInSyncReplicas;
            var states = topic.Record.Control.Partitions;
            for (var i = 0; i < states.Length; i++)
            {
                if (!states[i].Replicas.Contains(self)) continue;
                if (states[i].Leader == NodeId.None || topic.Find(i) is not { } replica) offline++;
                else if (replica.Availability == ErrorCode.None) CountLed(states[i], minInSync);
                else following++;
            }
        }

        return new(led, following, underReplicated, offline, underMinInSync);

        void CountLed(PartitionState state, int minInSync)
        {
            led++;
            if (state.InSync.Length < state.Replicas.Length) underReplicated++;
            if (state.InSync.Length < Math.Min(minInSync, state.Replicas.Length)) underMinInSync++;
        }
    }
}
