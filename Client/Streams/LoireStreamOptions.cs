namespace Loire.Client;

/// <summary>What becomes of an event that its consumer did not take within the delivery timeout.</summary>
public enum DeliveryFailurePolicy
{
    /// <summary>Try again, for ever: the consumer gets nothing further until it takes the event.</summary>
    Retry,

    /// <summary>Log the event's place and go on with the next one. Of a batch only the events are passed over that fail
    /// alone.</summary>
    Skip,

    /// <summary>As <see cref="Skip"/>, but write the record to <see cref="LoireStreamOptions.DeadLetterTopic"/> first; as long
    /// as that fails it is tried again, and the consumer waits.</summary>
    DeadLetter,
}

/// <summary>Orleans streams over topics: a stream's namespace is the topic, its key is the records' key, a partition is a
/// queue, and a sequence token is an offset.</summary>
public sealed class LoireStreamOptions
{
    /// <summary>The topics whose records are delivered to subscribers in this cluster. Only silos need them.</summary>
    public IList<string> Topics { get; } = [];

    /// <summary>Create those of <see cref="Topics"/> that do not exist, with <see cref="PartitionsPerTopic"/> partitions, and the
    /// <see cref="DeadLetterTopic"/>. An external client that writes first waits until a silo has done so.</summary>
    public bool CreatesTopics { get; set; } = true;

    /// <summary>How many partitions a topic may have: as many queues there are to spread over the silos, the same on all of
    /// them. A topic may have fewer, and grow; of one that has more nothing is delivered until this is raised.</summary>
    public int PartitionsPerTopic { get; set; } = 8;

    /// <summary>The consumer group under whose name delivered positions are kept; by default
    /// <c>streams-{provider name}</c>.</summary>
    public string? GroupId { get; set; }

    /// <summary>Where to start in a partition without a kept position, or whose log an unclean election cut below it. A topic
    /// that was deleted and created again is read from its beginning.</summary>
    public OffsetReset StartAt { get; set; } = OffsetReset.Earliest;

    public TimeSpan CommitInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>What a queue keeps of its partition for consumers that are not far behind; the others read the log.</summary>
    public int CacheSizeBytes { get; set; } = 16 * 1024 * 1024;

    public int FetchSizeBytes { get; set; } = 1024 * 1024;

    /// <summary>How long the delivery of an event is tried before <see cref="OnDeliveryFailure"/> applies.</summary>
    public TimeSpan DeliveryTimeout { get; set; } = TimeSpan.FromMinutes(1);

    public DeliveryFailurePolicy OnDeliveryFailure { get; set; } = DeliveryFailurePolicy.Retry;

    /// <summary>Nothing is delivered until it exists, where it is needed. It should take records as large as those of
    /// <see cref="Topics"/>, with four headers more.</summary>
    public string? DeadLetterTopic { get; set; }

    /// <summary>How many events at most are delivered in one call to consumers that observe batches.</summary>
    public int BatchSize { get; set; } = 1;

    /// <summary>How streams' events are written.</summary>
    public ProducerOptions Producer { get; set; } = new();
}
