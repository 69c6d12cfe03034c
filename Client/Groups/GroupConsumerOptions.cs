namespace Loire.Client;

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

    /// <summary>Makes a static member (KIP-345): it does not leave its group when its reading ends, and a consumer that comes
    /// with the same id within the session timeout goes on with its partitions, without a rebalance. Of two that run at the
    /// same time the older one ends with FENCED_INSTANCE_ID.</summary>
    public string? GroupInstanceId { get; init; }

    public string ClientId { get; init; } = "loire-client";

    /// <summary>The preferred one first. The group takes one that all members have.</summary>
    public IReadOnlyList<AssignmentStrategy> Strategies { get; init; } = [AssignmentStrategy.Range, AssignmentStrategy.RoundRobin];

    /// <summary>Told which partitions were given to this member in addition to those it has, before they are read.</summary>
    public Func<IReadOnlyList<TopicPartition>, Task>? OnAssigned { get; init; }

    /// <summary>Told which partitions go: after the last batch was processed and, unless they were lost, before others get
    /// them. When the reading ends all of them go.</summary>
    public Func<IReadOnlyList<TopicPartition>, Task>? OnRevoked { get; init; }
}
