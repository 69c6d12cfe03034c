using Loire.Protocol;

namespace Loire.Cluster.Replicas;

/// <summary>Whether a topic's record may give this broker roles. A broker that has started anew may have lost what it had
/// not synced, or its whole directory: until the topic's controller has noted this start, a record may still count on what
/// is gone. A record that has it noted is also no older than the start, so what it says of this broker's replicas is
/// true of the logs that were found here.</summary>
internal sealed class RoleGate(NodeId self)
{
    private const long NotRegistered = -1;
    private long _generation = NotRegistered;

    /// <summary>Of this run; -1 before it is registered.</summary>
    public long Generation
    {
        get => Volatile.Read(ref _generation);
        set => Volatile.Write(ref _generation, value);
    }

    public Standing Check(TopicRecord topic)
    {
        var generation = Generation;
        if (generation == NotRegistered) return Standing.NotNoted;
        foreach (var started in topic.Control.Generations)
        {
            if (started.Broker != self) continue;
            return started.Generation == generation ? Standing.Noted
                : started.Generation > generation ? Standing.Superseded
                : Standing.NotNoted;
        }

        return Standing.NotNoted;
    }
}

internal enum Standing
{
    Noted,

    /// <summary>The controller has to note this start first.</summary>
    NotNoted,

    /// <summary>A later run of this broker has been noted: this one is over.</summary>
    Superseded,
}
