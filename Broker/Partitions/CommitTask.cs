using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>A task that completes when one batch is committed.</summary>
internal sealed class CommitTask() : TaskCompletionSource<ErrorCode>(TaskCreationOptions.RunContinuationsAsynchronously),
    ICommitListener
{
    public void OnCommitted(int slot, ErrorCode error) => TrySetResult(error);
}
