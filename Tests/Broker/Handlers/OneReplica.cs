using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Handlers;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Broker.Partitions;
using Loire.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Loire.Tests.Broker.Handlers;

/// <summary>Broker 1 of three, each in a rack of its own, with its replica of the only partition there is.</summary>
internal sealed class OneReplica : IPartitionDirectory, IBrokerDirectory, IReplicaAuthority
{
    public const int Version = 17;
    public const long Generation = 4;
    public static readonly TopicIdPartition Id =
        new(new TopicId(new Guid("00000000-0000-0000-0000-00000000000b")), new TopicName("orders"), new PartitionIndex(0));
    private static readonly ImmutableArray<NodeId> All = [new(1), new(2), new(3)];

    public OneReplica(BrokerConfig? config = null)
    {
        Replica = new PartitionReplica(Store, Id, TopicConfig.Default, LocalNode, TimeProvider.System);
        Fetch = new FetchHandler(
            this, this, new FixedBrokerConfigs(config ?? BrokerConfig.Default), this, Time, NullLogger<FetchHandler>.Instance);
    }

    public FakeLogStore Store { get; } = new() { HoldDurability = true };
    public FakeTime Time { get; } = new();
    public PartitionReplica Replica { get; }
    public FetchHandler Fetch { get; }
    public string ClusterId => "cluster";
    public NodeId LocalNode { get; } = new(1);
    public NodeId Controller => LocalNode;
    public ImmutableArray<BrokerEndpoint> Brokers =>
        [.. All.Select(node => new BrokerEndpoint(node, "localhost", 9000 + node.Value, $"rack-{node}"))];

    public PartitionState State { get; private set; } = null!;

    public void Announce(int leader, params int[] inSync)
    {
        State = new PartitionState
        {
            Replicas = All,
            InSync = [.. inSync.Select(id => new NodeId(id))],
            Leader = new NodeId(leader),
            LeaderEpoch = new LeaderEpoch((State?.LeaderEpoch.Value ?? 0) + 1),
            PartitionEpoch = (State?.PartitionEpoch ?? 0) + 1,
        };
        Replica.Apply(State);
    }

    public ErrorCode Check(NodeId follower, long replicaEpoch) =>
        !All.Contains(follower) ? ErrorCode.BrokerIdNotRegistered
        : replicaEpoch != Generation ? ErrorCode.StaleBrokerEpoch
        : ErrorCode.None;

    public PartitionLookup Find(TopicName topic, PartitionIndex partition) => Find(Id.TopicId, partition);

    public PartitionLookup Find(TopicId topic, PartitionIndex partition)
    {
        if (topic != Id.TopicId) return new(ErrorCode.UnknownTopicId, null, NodeId.None, LeaderEpoch.None);
        var error = Replica.Availability;
        return error == ErrorCode.None
            ? new(error, Replica, LocalNode, Replica.LeaderEpoch)
            : new(error, null, State.Leader, State.LeaderEpoch, Replica);
    }

    public void Append(int records = 1) => _ = Replica.AppendAndCommitAsync(
        Batches.Bytes(records, timestampMs: -1), TestContext.Current.CancellationToken);

    public FetchRequest Ask(long offset, int maxWaitMs = 0, string rack = "") => new()
    {
        MaxWaitMs = maxWaitMs,
        MinBytes = 1,
        SessionEpoch = -1,
        RackId = rack,
        Topics =
        [
            new()
            {
                TopicId = Id.TopicId,
                Partitions =
                [
                    new()
                    {
                        FetchOffset = new Offset(offset),
                        CurrentLeaderEpoch = State.LeaderEpoch,
                        LastFetchedEpoch = LeaderEpoch.None,
                        PartitionMaxBytes = 1 << 20,
                    },
                ],
            },
        ],
    };

    public FetchRequest AskAs(int follower, long offset, int maxWaitMs = 0, long generation = Generation)
    {
        var request = Ask(offset, maxWaitMs);
        request.SessionEpoch = 0;
        request.ReplicaState = new() { ReplicaId = new NodeId(follower), ReplicaEpoch = generation };
        return request;
    }

    public async Task<FetchResponse> SendAsync(FetchRequest request, int version = Version) => DataPath.RoundTrip(
        await Fetch.HandleAsync(DataPath.Context(version), DataPath.RoundTrip(request, version)), version);
}
