using Loire.Broker.Partitions;

namespace Loire.Grains.Partitions;

/// <summary>Completes when one batch is committed, or will not be. Continuations never run on the log's commit
/// thread.</summary>
internal sealed class CommitWait() : TaskCompletionSource<ErrorCode>(TaskCreationOptions.RunContinuationsAsynchronously),
    ICommitListener
{
    public void OnCommitted(int slot, ErrorCode error) => TrySetResult(error);
}
