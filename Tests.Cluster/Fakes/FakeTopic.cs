using System.Collections.Immutable;
using Loire.Grains.Interfaces;

namespace Loire.Tests.Cluster.Fakes;

internal sealed class FakeTopic(string name) : ITopicGrain
{
    private volatile TopicDescription? _topic;

    public string Name => name;
    public bool Exists => _topic is not null;
    public Guid? Id => _topic?.Id;

    public int PartitionCount => _topic?.Partitions.Length ?? 0;

    public void Create(int partitions) => _topic = new TopicDescription(
        name, Guid.NewGuid(), 1, Describe(partitions), ImmutableDictionary<string, string>.Empty);

    /// <summary>Until when it is not described to anybody.</summary>
    public Task Hidden { get; set; } = Task.CompletedTask;

    /// <summary>How often it was asked to describe itself.</summary>
    public int Descriptions { get; private set; }

    public async Task<TopicDescription?> DescribeAsync()
    {
        Descriptions++;
        await Hidden;
        return _topic;
    }

    /// <summary>Another broker leads all partitions.</summary>
    public void Elect() => _topic = _topic! with
    {
        Version = _topic.Version + 1,
        Partitions = [.. _topic.Partitions.Select(partition => partition with { LeaderEpoch = partition.LeaderEpoch + 1 })],
    };

    public Task<TopicDescription> CreateAsync(TopicSpecification specification)
    {
        if (Exists)
            throw new LoireException((short)ErrorCode.TopicAlreadyExists, $"Topic '{name}' exists.");
        Create(specification.PartitionCount < 0 ? 2 : specification.PartitionCount);
        return Task.FromResult(_topic!);
    }

    public Task DeleteAsync()
    {
        _topic = null;
        return Task.CompletedTask;
    }

    public Task<TopicDescription> AddPartitionsAsync(int totalCount)
    {
        _topic = _topic! with { Version = _topic.Version + 1, Partitions = Describe(totalCount) };
        return Task.FromResult(_topic);
    }

    public Task<TopicDescription> AlterConfigsAsync(ImmutableDictionary<string, string?> changes)
    {
        var configs = _topic!.Configs;
        foreach (var (key, value) in changes)
            configs = value is null ? configs.Remove(key) : configs.SetItem(key, value);
        _topic = _topic with { Version = _topic.Version + 1, Configs = configs };
        return Task.FromResult(_topic);
    }

    public Task<TopicDescription> ElectLeaderAsync(int partition, bool isUnclean) => throw new NotSupportedException();

    public Task<TopicDescription> ReassignAsync(int partition, ImmutableArray<int>? replicas) => throw new NotSupportedException();

    public Task<int> GetPartitionAsync(ReadOnlyMemory<byte> key) =>
        Task.FromResult(Protocol.Hashing.Murmur2.PartitionOf(key.Span, PartitionCount).Value);

    private static ImmutableArray<PartitionDescription> Describe(int partitions) =>
        [.. Enumerable.Range(0, partitions).Select(index => new PartitionDescription(index, 1, 0, [1], [1]))];
}
