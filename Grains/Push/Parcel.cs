using System.Collections.Immutable;
using Loire.Cluster;
using Loire.Protocol;

namespace Loire.Grains.Push;

/// <summary>What a broker is to learn next: of each topic the newest record only.</summary>
internal sealed class Parcel
{
    private readonly Dictionary<TopicName, TopicRecord> _topics = [];
    private readonly List<TaskCompletionSource<bool>> _waiting = [new(TaskCreationOptions.RunContinuationsAsynchronously)];

    public bool IsEmpty => _topics.Count == 0 && Cluster is null;
    public ImmutableArray<TopicRecord> Topics => [.. _topics.Values];
    public ClusterRecord? Cluster { get; private set; }

    /// <summary>Whether the broker learned it; false when it is dead.</summary>
    public Task<bool> Learned => _waiting[0].Task;

    public void Add(TopicRecord topic)
    {
        if (!_topics.TryGetValue(topic.Name, out var known) || known.Version < topic.Version) _topics[topic.Name] = topic;
    }

    public void Add(ClusterRecord cluster)
    {
        if (Cluster is null || Cluster.Version < cluster.Version) Cluster = cluster;
    }

    /// <summary>Takes in a parcel that did not arrive.</summary>
    public void Add(Parcel returned)
    {
        foreach (var topic in returned._topics.Values) Add(topic);
        if (returned.Cluster is { } cluster) Add(cluster);
        _waiting.AddRange(returned._waiting);
    }

    public void Complete(bool isLearned)
    {
        foreach (var waiting in _waiting) waiting.SetResult(isLearned);
    }
}
