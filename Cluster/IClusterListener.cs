namespace Loire.Cluster;

/// <summary>Reacts to what a <see cref="ClusterView"/> learns. Called with one thing at a time, in the order in which
/// listeners subscribed, with no lock held. The view is then as new as what is told, or newer.</summary>
public interface IClusterListener
{
    /// <summary>A topic is there, has changed, or is deleted.</summary>
    void OnTopic(TopicRecord topic)
    {
    }

    /// <summary>Brokers came, left, moved or drain, or their settings changed.</summary>
    void OnCluster()
    {
    }
}
