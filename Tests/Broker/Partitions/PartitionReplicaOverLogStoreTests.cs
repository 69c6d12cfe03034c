using Loire.Broker.Ports;
using Loire.Log;

namespace Loire.Tests.Broker.Partitions;

public sealed class PartitionReplicaOverLogStoreTests : PartitionReplicaContract
{
    private readonly string _directory = Directory.CreateTempSubdirectory("loire-partitions-").FullName;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    protected override ValueTask<ILogStore> OpenStoreAsync() => new(LogStore.Open(new LogStoreOptions
    {
        DataDirectory = _directory,
        SegmentBytes = 1 << 20,
        MemoryBytes = 1 << 20,
        MaxBatchBytes = 1 << 16,
    }));

    protected override ValueTask CloseStoreAsync(ILogStore store) => store.DisposeAsync();
}
