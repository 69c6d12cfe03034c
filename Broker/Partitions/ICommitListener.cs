using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>Waits for appended batches to be committed: synced on every in-sync replica.</summary>
public interface ICommitListener
{
    /// <summary>Called once per batch, possibly on the log's commit thread and before the append returned. No lock is
    /// held; the implementation must not block nor run continuations inline.</summary>
    /// <param name="slot">The number given with the append, which tells several batches of one listener apart.</param>
    /// <param name="error">NONE when committed; else why it never will be by this leader.</param>
    void OnCommitted(int slot, ErrorCode error);
}
