using System.Diagnostics.Metrics;
using Loire.Cluster.Replicas;

namespace Loire.Cluster;

/// <summary>What a broker of a cluster shows on the meter "Loire".</summary>
internal static class ClusterMetrics
{
    public static void Create(Meter meter, Func<ReplicaCounts> counts, InSyncChanges changes)
    {
        Gauge("loire.partitions.led", counts => counts.Led, "Partitions that this broker leads");
        Gauge("loire.partitions.following", counts => counts.Following, "Partitions that this broker follows");
        Gauge("loire.partitions.under_replicated", counts => counts.UnderReplicated, "Partitions led here with a replica out of sync");
        Gauge("loire.partitions.offline", counts => counts.Offline, "Partitions with a replica here and no leader, or no usable log");
        Gauge("loire.partitions.under_min_isr", counts => counts.UnderMinInSync, "Partitions led here with too few in sync for acks=all");
        meter.CreateObservableCounter(
            "loire.in_sync.shrinks", () => changes.Shrinks, "{change}", "Replicas left the in-sync set of a partition that is led here");
        meter.CreateObservableCounter(
            "loire.in_sync.expands", () => changes.Expands, "{change}", "Replicas joined the in-sync set of a partition that is led here");

        void Gauge(string name, Func<ReplicaCounts, int> value, string description) =>
            meter.CreateObservableGauge(name, () => value(counts()), "{partition}", description);
    }
}
