using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Cluster;
using Loire.Grains.Interfaces;
using Loire.Protocol;

namespace Loire.Grains.Control;

/// <summary>Reaches the controllers as grains.</summary>
internal sealed class OrleansClusterControl(IGrainFactory grains, ILocalSiloDetails self, TimeProvider time) : IClusterControl
{
    /// <summary>A silo that has just died still stands in the way of calls, until its activations are forgotten.</summary>
    private static readonly ImmutableArray<TimeSpan> Pauses = [TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(250)];

    private IClusterControlGrain Cluster => grains.GetGrain<IClusterControlGrain>(IClusterGrain.Key);

    public Task<ClusterRecord> RegisterAsync(
        BrokerEndpoint endpoint, BrokerGeneration started, string? clusterId, CancellationToken cancellationToken) =>
        ClusterAsync(
            cluster => cluster.RegisterAsync(endpoint, started.DirectoryId, clusterId, self.SiloAddress), cancellationToken);

    public Task<ClusterRecord> DrainAsync(NodeId broker, long generation, CancellationToken cancellationToken) =>
        ClusterAsync(cluster => cluster.DrainAsync(broker, generation), cancellationToken);

    public Task<ClusterRecord> UndrainAsync(NodeId broker, long generation, CancellationToken cancellationToken) =>
        ClusterAsync(cluster => cluster.UndrainAsync(broker, generation), cancellationToken);

    public Task<ClusterRecord> UnregisterAsync(NodeId broker, CancellationToken cancellationToken) =>
        ClusterAsync(cluster => cluster.UnregisterAsync(broker), cancellationToken);

    public Task<ClusterRecord> ReadClusterAsync(CancellationToken cancellationToken) =>
        ClusterAsync(cluster => cluster.ReadAsync(), cancellationToken, mayRepeat: true);

    public Task<ClusterRecord> SetBrokerConfigsAsync(
        string broker, ImmutableSortedDictionary<string, string> overrides, long version, CancellationToken cancellationToken) =>
        ClusterAsync(cluster => cluster.SetBrokerConfigsAsync(broker, overrides, version), cancellationToken);

    public async Task<ImmutableArray<TopicName>> ListTopicsAsync(CancellationToken cancellationToken)
    {
        var names = await ClusterAsync(cluster => cluster.ListTopicNamesAsync(), cancellationToken, mayRepeat: true);
        return [.. names.Select(name => new TopicName(name))];
    }

    public Task<TopicRecord?> SettleAsync(
        TopicName topic, BrokerGeneration? started, CancellationToken cancellationToken) =>
        TopicAsync(topic, control => control.SettleAsync(started), cancellationToken, mayRepeat: true);

    public Task<TopicRecord> CreateTopicAsync(NewTopic topic, bool validateOnly, CancellationToken cancellationToken)
    {
        // It becomes the key of a grain, and of a row in the storage.
        if (TopicFault(topic.Name) is { } fault) throw new KafkaException(ErrorCode.InvalidTopicException, fault);
        return TopicAsync(topic.Name, control => control.CreateTopicAsync(topic, validateOnly), cancellationToken);
    }

    public Task<TopicRecord> DeleteTopicAsync(TopicName topic, TopicId id, CancellationToken cancellationToken) =>
        TopicAsync(topic, control => control.DeleteTopicAsync(id.Value), cancellationToken);

    public Task<TopicRecord> CreatePartitionsAsync(
        TopicName topic,
        int totalCount,
        ImmutableArray<ImmutableArray<NodeId>>? assignments,
        bool validateOnly,
        CancellationToken cancellationToken) =>
        TopicAsync(topic, control => control.CreatePartitionsAsync(totalCount, assignments, validateOnly), cancellationToken);

    public Task<TopicRecord> SetTopicConfigsAsync(
        TopicName topic, ImmutableSortedDictionary<string, string> overrides, long version, CancellationToken cancellationToken) =>
        TopicAsync(topic, control => control.SetConfigsAsync(overrides, version), cancellationToken);

    public Task<TopicRecord> AlterInSyncAsync(
        TopicIdPartition partition, InSyncProposal proposal, CancellationToken cancellationToken) =>
        TopicAsync(
            partition.Topic,
            control => control.AlterInSyncAsync(partition.TopicId.Value, partition.Partition.Value, proposal),
            cancellationToken,
            mayRepeat: true);

    public Task<TopicRecord> ReplicaLostAsync(
        TopicIdPartition partition, NodeId replica, CancellationToken cancellationToken) =>
        TopicAsync(
            partition.Topic,
            control => control.ReplicaLostAsync(partition.TopicId.Value, partition.Partition.Value, replica),
            cancellationToken,
            mayRepeat: true);

    public Task<TopicRecord> ReassignAsync(
        TopicName topic, PartitionIndex partition, ImmutableArray<NodeId>? target, CancellationToken cancellationToken) =>
        TopicAsync(topic, control => control.ReassignAsync(partition.Value, target), cancellationToken);

    public Task<TopicRecord> ElectAsync(
        TopicName topic, PartitionIndex partition, bool isUnclean, CancellationToken cancellationToken) =>
        TopicAsync(topic, control => control.ElectAsync(partition.Value, isUnclean), cancellationToken);

    public Task<long> ReserveProducerIdsAsync(int count, CancellationToken cancellationToken) =>
        ClusterAsync(cluster => cluster.ReserveProducerIdBlockAsync(count), cancellationToken, mayRepeat: true);

    private static string? TopicFault(TopicName topic) => TopicNames.FindFault(topic);

    private Task<T> ClusterAsync<T>(
        Func<IClusterControlGrain, Task<T>> call, CancellationToken cancellationToken, bool mayRepeat = false) =>
        CallAsync("the cluster", () => call(Cluster), mayRepeat, cancellationToken);

    private Task<T> TopicAsync<T>(
        TopicName topic, Func<ITopicControlGrain, Task<T>> call, CancellationToken cancellationToken, bool mayRepeat = false) =>
        CallAsync(
            $"topic '{topic}'", () => call(grains.GetGrain<ITopicControlGrain>(topic.Value)), mayRepeat, cancellationToken);

    /// <param name="mayRepeat">A call that came through twice does no harm.</param>
    private async Task<T> CallAsync<T>(
        string whose, Func<Task<T>> call, bool mayRepeat, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await call().WaitAsync(cancellationToken);
            }
            catch (Exception failure) when (mayRepeat && attempt < Pauses.Length && IsOfDeadSilo(failure))
            {
                await Task.Delay(Pauses[attempt], time, cancellationToken);
            }
            catch (LoireException refusal) when (refusal.Error != (short)ErrorCode.BrokerNotAvailable)
            {
                throw new KafkaException((ErrorCode)refusal.Error, refusal.Message);
            }
            catch (Exception failure) when (failure is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                throw new ControlUnavailableException($"The controller of {whose} cannot be reached now: {failure.Message}", failure);
            }
        }
    }

    private static bool IsOfDeadSilo(Exception failure) => failure is SiloUnavailableException or OrleansMessageRejectionException;
}
