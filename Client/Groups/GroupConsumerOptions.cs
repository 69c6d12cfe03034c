namespace Loire.Client;

/// <summary>A partition of a topic.</summary>
public readonly record struct TopicPartition(string Topic, int Partition);

/// <summary>How a member of a group reads.</summary>
public sealed record GroupConsumerOptions : ConsumerOptions
{
    /// <summary>A member that is not heard of for so long loses its partitions.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(45);

    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a member may take to finish its batch when partitions are to move.</summary>
    public TimeSpan RebalanceTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Commit what was processed: a batch counts as processed when the next one is asked for.</summary>
    public bool IsAutoCommit { get; init; } = true;

    public TimeSpan AutoCommitInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Keeps its partitions over a restart within the session timeout (static membership, KIP-345).</summary>
    public string? GroupInstanceId { get; init; }

    public string ClientId { get; init; } = "loire-client";

    /// <summary>The preferred one first. The group takes one that all members have.</summary>
    public IReadOnlyList<AssignmentStrategy> Strategies { get; init; } = [AssignmentStrategy.Range, AssignmentStrategy.RoundRobin];

    /// <summary>Told after partitions were given to this member, before they are read.</summary>
    public Func<IReadOnlyList<TopicPartition>, Task>? OnAssigned { get; init; }

    /// <summary>Told when partitions go: after the last batch was processed and, unless they were lost, before others get
    /// them.</summary>
    public Func<IReadOnlyList<TopicPartition>, Task>? OnRevoked { get; init; }
}
