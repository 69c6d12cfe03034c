using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>A member of a consumer group: <c>await foreach (var batch in consumer)</c> joins, and leaving the loop leaves
/// the group. Kafka clients may be members of the same group. Each record is handed out at least once.</summary>
public sealed class LoireGroupConsumer : IAsyncEnumerable<ConsumeBatch>
{
    private readonly GroupMember _member;
    private readonly BatchReader _reader;

    internal LoireGroupConsumer(
        ClientContext context, string groupId, IReadOnlyList<string> topics, GroupConsumerOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(groupId);
        ArgumentOutOfRangeException.ThrowIfZero(topics.Count, nameof(topics));
        ArgumentOutOfRangeException.ThrowIfZero(options.Strategies.Count, nameof(options));
        _member = new GroupMember(context, groupId, topics, options);
        _reader = new BatchReader(context, options, queue => new GroupAssignment(context, queue, _member));
    }

    /// <summary>Stores that everything up to and with this batch is processed. With automatic commits there is no need
    /// to.</summary>
    /// <exception cref="LoireException">ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID: the partition went to another member
    /// meanwhile, who gets these records again. FENCED_INSTANCE_ID: another consumer took this one's place.
    /// UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID: the topic was deleted, and in the second case created anew: of the new
    /// one nothing is committed.</exception>
    public Task CommitAsync(ConsumeBatch batch, CancellationToken cancellationToken = default) => _member.CommitAsync(
        [batch.Source.OffsetToCommit(batch.NextOffset)],
        () => !batch.Source.IsReleased,
        cancellationToken);

    /// <exception cref="LoireException">Thrown while enumerating: the group does not take this member, another consumer with
    /// its instance id took its place (FENCED_INSTANCE_ID), or reading has failed for good. What may pass is repeated and
    /// does not end the reading.</exception>
    public IAsyncEnumerator<ConsumeBatch> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        _reader.ReadAsync(cancellationToken);
}
