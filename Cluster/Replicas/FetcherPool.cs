using System.Collections.Concurrent;
using Loire.Broker.Replication;
using Loire.Cluster.Replication;
using Loire.Protocol;

namespace Loire.Cluster.Replicas;

/// <summary>One fetcher for each broker that this one has followed. One that has nothing to fetch any more is idle.</summary>
/// <param name="create">Makes the fetcher of a leader.</param>
internal sealed class FetcherPool(Func<NodeId, ReplicaFetcher> create) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<NodeId, ReplicaFetcher> _fetchers = new();

    /// <summary>To be called by one at a time.</summary>
    public void Follow(NodeId leader, IFollowerReplica replica) => _fetchers.GetOrAdd(leader, create).Add(replica);

    public async ValueTask DisposeAsync()
    {
        foreach (var fetcher in _fetchers.Values) await fetcher.DisposeAsync();
    }
}
