using System.Collections.Immutable;
using Loire.Cluster;

namespace Loire.Grains.Push;

/// <summary>The last step of a push.</summary>
internal static class Delivery
{
    /// <summary>As long as somebody may wait for it; what is learnt is in force later at any rate.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Returns when clients of this broker find the news.</summary>
    public static async Task LearnAllAsync(
        this IClusterLearner learner, ImmutableArray<TopicRecord> topics, ClusterRecord? cluster, TimeProvider time)
    {
        if (cluster is not null) learner.Learn(cluster);
        foreach (var topic in topics) learner.Learn(topic);
        try
        {
            await learner.ToldAsync().WaitAsync(Patience, time);
        }
        catch (TimeoutException)
        {
            // It is learnt: to send it again would not help.
        }
    }
}
