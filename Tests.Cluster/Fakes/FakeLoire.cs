using System.Collections.Concurrent;
using System.Collections.Immutable;
using Loire.Client;
using Loire.Grains.Interfaces;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>A cluster of grains that are plain objects in memory: enough for a client, with failures to order.</summary>
internal sealed class FakeLoire : ILoireGrains, IClusterGrain
{
    private readonly ConcurrentDictionary<string, FakeTopic> _topics = new();
    private readonly ConcurrentDictionary<(string, int), FakePartition> _partitions = new();
    private readonly ConcurrentDictionary<string, FakeGroup> _groups = new();
    private long _nextProducerId = 1000;

    public IClusterGrain Cluster => this;

    public ILoireClient CreateClient(TimeProvider? time = null, ILoggerFactory? loggers = null) =>
        new LoireClient(new ClientContext(this, loggers ?? NullLoggerFactory.Instance, time ?? TimeProvider.System));

    public FakeTopic AddTopic(string name, int partitions)
    {
        var topic = Topic(name);
        topic.Create(partitions);
        return topic;
    }

    public FakeTopic Topic(string name) => _topics.GetOrAdd(name, static key => new FakeTopic(key));

    public FakePartition Partition(string topic, int partition) =>
        _partitions.GetOrAdd((topic, partition), static (key, self) => new FakePartition(self.Topic(key.Item1), key.Item2), this);

    public FakeGroup Group(string groupId) =>
        _groups.GetOrAdd(groupId, static (_, self) => new FakeGroup(topic => self.Topic(topic).Id), this);

    ITopicGrain ILoireGrains.Topic(string topic) => Topic(topic);

    IPartitionGrain ILoireGrains.Partition(string topic, int partition) => Partition(topic, partition);

    IConsumerGroupGrain ILoireGrains.Group(string groupId) => Group(groupId);

    public Task<ClusterDescription> DescribeAsync() => Task.FromResult(new ClusterDescription("fake", []));

    public Task<ImmutableArray<string>> ListTopicsAsync() => Task.FromResult(
        _topics.Values.Where(topic => topic.Exists).Select(topic => topic.Name).ToImmutableArray());

    public Task UnregisterBrokerAsync(int nodeId) => throw new NotSupportedException();

    public Task<ImmutableArray<GroupListing>> ListGroupsAsync() => throw new NotSupportedException();

    public Task<long> ReserveProducerIdsAsync(int count) =>
        Task.FromResult(Interlocked.Add(ref _nextProducerId, count) - count);
}
