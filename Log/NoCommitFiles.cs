using FASTER.core;

namespace Loire.Log;

/// <summary>FASTER's commit metadata, kept nowhere. Entries of the journal prove themselves, so recovery finds the tail
/// without it, and a commit costs neither a file (the default) nor a record in the log (FastCommitMode).</summary>
internal sealed class NoCommitFiles : ILogCommitManager
{
    public void Commit(
        long beginAddress, long untilAddress, byte[] commitMetadata, long commitNum, bool forceWriteMetadata)
    {
    }

    public byte[]? GetCommitMetadata(long commitNum) => null;
    public IEnumerable<long> ListCommits() => [];

    public void RemoveCommit(long commitNum)
    {
    }

    public void RemoveAllCommits()
    {
    }

    public void OnRecovery(long commitNum)
    {
    }

    public void Dispose()
    {
    }
}
