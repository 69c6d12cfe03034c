using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Tests.ClusterEngine.Engine;

/// <summary>A store of which one log cannot be opened until it is deleted.</summary>
internal sealed class UnreadableStore(ILogStore inner, Func<TopicIdPartition, bool> isUnreadable) : ILogStore
{
    private volatile bool _isDeleted;

    public string DataDirectory => inner.DataDirectory;

    public int MaxBatchBytes => inner.MaxBatchBytes;

    public IReadOnlyCollection<TopicIdPartition> Partitions => inner.Partitions;

    public LogStoreException? Failure => inner.Failure;

    public event Action? FailureChanged
    {
        add => inner.FailureChanged += value;
        remove => inner.FailureChanged -= value;
    }

    public IPartitionLog Open(TopicIdPartition partition, IPartitionLogObserver observer) =>
        isUnreadable(partition) && !_isDeleted
            ? throw new LogStoreException("unreadable for the test")
            : inner.Open(partition, observer);

    public void Delete(TopicIdPartition partition)
    {
        _isDeleted |= isUnreadable(partition);
        inner.Delete(partition);
    }

    public ValueTask WaitForSpaceAsync(CancellationToken cancellationToken) => inner.WaitForSpaceAsync(cancellationToken);

    public LogStoreSpace GetSpace() => inner.GetSpace();

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
