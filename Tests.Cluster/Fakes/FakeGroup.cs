using System.Collections.Immutable;
using Loire.Grains.Interfaces;

namespace Loire.Tests.Cluster.Fakes;

internal sealed class FakeGroup : IConsumerGroupGrain
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string, int), GroupOffset> _offsets = [];

    public long? Committed(string topic, int partition)
    {
        lock (_lock)
        {
            return _offsets.TryGetValue((topic, partition), out var offset) ? offset.Offset : null;
        }
    }

    public Task<GroupJoined> JoinAsync(GroupJoin join) => throw new NotSupportedException();

    public Task<GroupSynced> SyncAsync(GroupSync sync) => throw new NotSupportedException();

    public Task<short> HeartbeatAsync(string memberId, int generation) => throw new NotSupportedException();

    public Task<short> LeaveAsync(string memberId) => throw new NotSupportedException();

    public Task<ImmutableArray<short>> CommitAsync(string memberId, int generation, ImmutableArray<GroupOffset> offsets)
    {
        lock (_lock)
        {
            foreach (var offset in offsets)
                _offsets[(offset.Topic, offset.Partition)] = offset;
            return Task.FromResult(offsets.Select(_ => (short)0).ToImmutableArray());
        }
    }

    public Task<ImmutableArray<GroupOffset>> GetOffsetsAsync(ImmutableArray<GroupPartition> partitions)
    {
        lock (_lock)
        {
            return Task.FromResult(partitions.Select(partition =>
                _offsets.GetValueOrDefault(
                    (partition.Topic, partition.Partition), new GroupOffset(partition.Topic, partition.Partition, -1, -1, "")))
                .ToImmutableArray());
        }
    }

    public Task<GroupDescription?> DescribeAsync() => Task.FromResult<GroupDescription?>(null);
}
