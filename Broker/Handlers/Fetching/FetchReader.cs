using Loire.Broker.Partitions;
using Loire.Protocol;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>What differs between those who fetch: consumers see what is committed, followers copy the whole log.</summary>
internal abstract class FetchReader
{
    /// <summary>A local replica that follows is read where none leads.</summary>
    public virtual bool ReadsFollowers => false;

    public static PartitionRead Refused(ErrorCode error) =>
        new(error, null, Offset.None, Offset.None, Offset.None, Offset.None);

    /// <summary>Reads a partition whose replica is known into <see cref="FetchPartition.Read"/>,
    /// <see cref="FetchPartition.Diverging"/> and <see cref="FetchPartition.PreferredReplica"/>.</summary>
    /// <param name="atLeastOne">Give the first batch even where it alone is over <paramref name="maxBytes"/>.</param>
    public abstract void Read(FetchPartition partition, int maxBytes, bool atLeastOne);

    /// <summary>Whether what was found is to be told at once, however few bytes there are.</summary>
    public abstract bool IsUrgent(FetchPartition partition);

    /// <summary>Lets the listener be told of more than what was found.</summary>
    public abstract void Watch(FetchPartition partition, IFetchListener listener);
}
