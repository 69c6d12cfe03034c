using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>A member of a consumer group: <c>await foreach (var batch in consumer)</c> joins, and leaving the loop leaves
/// the group. Kafka clients may be members of the same group. Each record is handed out at least once.</summary>
public sealed class LoireGroupConsumer : IAsyncEnumerable<ConsumeBatch>
{
    private readonly ClientContext _context;
    private readonly GroupConsumerOptions _options;
    private readonly GroupMember _member;
    private readonly string _groupId;
    private int _isReading;

    internal LoireGroupConsumer(
        ClientContext context, string groupId, IReadOnlyList<string> topics, GroupConsumerOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(groupId);
        _context = context;
        _options = options;
        _groupId = groupId;
        _member = new GroupMember(context, groupId, topics, options);
    }

    /// <summary>Stores that everything up to and with this batch is processed. With automatic commits there is no need
    /// to.</summary>
    /// <exception cref="LoireException">ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID: the partition went to another member
    /// meanwhile, who gets these records again.</exception>
    public Task CommitAsync(ConsumeBatch batch, CancellationToken cancellationToken = default) => _member.CommitAsync(
        [new GroupOffset(batch.Topic, batch.Partition, batch.NextOffset, -1, "")], cancellationToken);

    /// <exception cref="LoireException">Thrown while enumerating: the group does not take this member, or reading has
    /// failed for good. What may pass is repeated and does not end the reading.</exception>
    public async IAsyncEnumerator<ConsumeBatch> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _isReading, 1) == 1)
            throw new InvalidOperationException("The consumer is being read already: make one consumer for each reader.");
        var assignment = new GroupAssignment(_member, _groupId, _options);
        var reading = new Reading(_context, assignment, _options, cancellationToken);
        try
        {
            while (true)
                yield return await reading.Queue.ReadAsync(cancellationToken);
        }
        finally
        {
            await reading.DisposeAsync();
            _isReading = 0;
        }
    }
}
