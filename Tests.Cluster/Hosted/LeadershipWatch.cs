using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Sees, at another broker, what a broker still led when it left the cluster.</summary>
internal sealed class LeadershipWatch(ClusterView view, NodeId leaving) : IClusterListener
{
    private readonly TaskCompletionSource<string[]> _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The partitions that the broker led when it was no longer live.</summary>
    public Task<string[]> LedAtTheEnd => _left.Task;

    public void OnCluster()
    {
        if (view.Statuses.IsLive(leaving)) return;
        _left.TrySetResult([.. view.Topics.SelectMany(topic => topic.Control.Partitions
            .Select((partition, index) => (partition.Leader, Name: $"{topic.Name}-{index}"))
            .Where(partition => partition.Leader == leaving)
            .Select(partition => partition.Name))]);
    }
}
