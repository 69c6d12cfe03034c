namespace Loire.Client;

internal sealed class LoireClient(ClientContext context) : ILoireClient
{
    public ClientContext Context => context;

    public LoireAdmin Admin { get; } = new(context);

    public LoireProducer CreateProducer(ProducerOptions? options = null) => new(context, options ?? new ProducerOptions());

    public LoireConsumer CreateConsumer(IEnumerable<PartitionStart> partitions, ConsumerOptions? options = null)
    {
        PartitionStart[] starts = [.. partitions];
        ArgumentOutOfRangeException.ThrowIfZero(starts.Length, nameof(partitions));
        return new LoireConsumer(context, options ?? new ConsumerOptions(), queue => new FixedAssignment(queue, starts));
    }

    public LoireConsumer CreateConsumer(string topic, StartPosition start, ConsumerOptions? options = null) =>
        new(context, options ?? new ConsumerOptions(), queue => new WholeTopicAssignment(context, queue, topic, start));

    public LoireGroupConsumer CreateGroupConsumer(
        string groupId, IReadOnlyList<string> topics, GroupConsumerOptions? options = null) =>
        new(context, groupId, topics, options ?? new GroupConsumerOptions());
}
