using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Simulation.World;

/// <summary>Whoever wishes the cluster ill: from time to time it breaks something, and mends it later.</summary>
internal sealed class Nemesis
{
    private readonly SimCluster _cluster;
    private readonly Random _random;

    public Nemesis(SimCluster cluster)
    {
        _cluster = cluster;
        _random = cluster.Random;
        cluster.Network.LossRate = _random.Next(3) == 0 ? 0 : _random.NextDouble() * 0.05;
        cluster.Network.DuplicateRate = _random.NextDouble() * 0.2;
        cluster.Network.StrayRate = _random.Next(2) == 0 ? 0 : _random.NextDouble() * 0.2;
        cluster.Network.DelayMaxMs = _random.Next(1, 15);
        Next();
    }

    public bool IsStopped { get; private set; }

    /// <summary>Mends everything and lets it be.</summary>
    public void Stop()
    {
        IsStopped = true;
        _cluster.Story.Tell("nemesis", "mends everything");
        _cluster.Network.LossRate = 0;
        _cluster.Network.DuplicateRate = 0;
        _cluster.Network.StrayRate = 0;
        _cluster.Network.Heal();
        _cluster.Store.IsReachable = true;
        for (var id = 0; id < _cluster.BrokerCount; id++)
        {
            var broker = _cluster.Brokers[id];
            broker.Resume();
            _cluster.DiskOf(id).SyncMaxMs = SimDisk.UsualSyncMaxMs;
            _cluster.DiskOf(id).Room.Free();
            if (broker.Disk.IsBroken || broker.IsResigning) _cluster.Crash(id);
            _cluster.Restart(id);
        }
    }

    private void Next() => _cluster.Loop.After(_random.Next(50, 900), () =>
    {
        if (IsStopped) return;
        if (!IsDiskMissed()) Strike();
        Next();
    });

    private void Strike()
    {
        var id = _random.Next(_cluster.BrokerCount);
        switch (_random.Next(17))
        {
            case 0 or 1:
                Crash(id, _random.Next(20, 3_000));
                break;
            case 2:
                _cluster.Brokers[id].Pause();
                var paused = _cluster.Brokers[id];
                _cluster.Loop.After(_random.Next(50, 3_000), paused.Resume);
                break;
            case 3 or 4:
                Cut();
                break;
            case 5:
                _cluster.Story.Tell("nemesis", $"slows the disk of {id}");
                _cluster.Brokers[id].Disk.SyncMaxMs = _random.Next(2, 400);
                break;
            case 6:
                FailDisk(id);
                break;
            case 7:
                _cluster.Story.Tell("nemesis", "takes the controllers' store away");
                _cluster.Store.IsReachable = false;
                _cluster.Loop.After(_random.Next(100, 2_000), () => _cluster.Store.IsReachable = true);
                break;
            case 8:
                _cluster.Controller.Double(_random.Next(200, 4_000));
                break;
            case 9:
                Resign(id);
                break;
            case 10:
                Reassign();
                break;
            case 11 or 12:
                DeleteRecords();
                break;
            case 13:
                LoseDisk(id);
                break;
            case 14 or 15:
                FillDisks(id);
                break;
            default:
                var elected = AnyPartition();
                _cluster.Controller.Command((state, brokers) => TopicControlCore.ElectPreferred(state, elected, brokers));
                break;
        }
    }

    private void Crash(int id, int downMs)
    {
        _cluster.Crash(id);
        _cluster.Loop.After(downMs, () => _cluster.Restart(id));
    }

    private void Cut()
    {
        var part = new List<int>();
        for (var id = 0; id < _cluster.BrokerCount; id++)
        {
            if (_random.Next(3) != 0) continue;
            _cluster.Network.Cut(id, 1);
            part.Add(id);
        }

        if (_random.Next(4) == 0) _cluster.Network.Cut(SimNetwork.Controller, 1);
        for (var client = 0; client < 10; client++)
        {
            if (_random.Next(2) == 0) _cluster.Network.Cut(SimNetwork.FirstClient + client, 1);
        }

        _cluster.Story.Tell("nemesis", $"cuts off [{string.Join(',', part)}]");
        _cluster.Loop.After(_random.Next(100, 3_000), () =>
        {
            _cluster.Story.Tell("nemesis", "heals the network");
            _cluster.Network.Heal();
        });
    }

    private void FailDisk(int id)
    {
        var broker = _cluster.Brokers[id];
        if (!broker.IsUp || broker.Disk.IsBroken) return;
        _cluster.Story.Tell("nemesis", $"breaks the disk of {id}");
        broker.Disk.Fail();
        _cluster.Loop.After(_random.Next(1, 500), () =>
        {
            if (_cluster.Brokers[id] == broker) Crash(id, _random.Next(20, 2_000));
        });
    }

    /// <summary>Seldom several at once.</summary>
    private void FillDisks(int id)
    {
        FillDisk(id);
        if (_random.Next(5) != 0) return;
        for (var other = 0; other < _cluster.BrokerCount; other++)
        {
            if (_random.Next(2) == 0) FillDisk(other);
        }
    }

    /// <summary>A crash does not make room: what is freed is the disk that is there by then.</summary>
    private void FillDisk(int id)
    {
        if (_cluster.DiskOf(id).Room.IsFull) return;
        _cluster.Story.Tell("nemesis", $"fills the disk of {id}");
        _cluster.DiskOf(id).Room.Fill();
        _cluster.Loop.After(_random.Next(20, 4_000), () =>
        {
            if (IsStopped || !_cluster.DiskOf(id).Room.IsFull) return;
            _cluster.Story.Tell("nemesis", $"frees space on the disk of {id}");
            _cluster.DiskOf(id).Room.Free();
        });
    }

    private void Resign(int id)
    {
        var broker = _cluster.Brokers[id];
        if (!broker.IsUp || broker.IsPaused || broker.IsResigning) return;
        broker.Resign();
        _cluster.Loop.After(_random.Next(200, 1_500), () =>
        {
            if (_cluster.Brokers[id] == broker) Crash(id, _random.Next(20, 1_000));
        });
    }

    private void Reassign()
    {
        var partition = AnyPartition();
        var count = _cluster.Store.State.Partitions[partition.Value].Replicas.Length;
        var shuffled = Enumerable.Range(0, _cluster.BrokerCount).Select(id => new NodeId(id)).OrderBy(_ => _random.Next());
        ImmutableArray<NodeId>? target = _random.Next(4) == 0 ? null : [.. shuffled.Take(Math.Min(3, count))];
        var what = target is { } to ? $"moves p{partition} to [{string.Join(',', to)}]" : $"takes the move of p{partition} back";
        _cluster.Story.Tell("nemesis", what);
        _cluster.Controller.Command((state, brokers) => TopicControlCore.Reassign(state, partition, target, brokers));
    }

    /// <summary>Moves a log start up, to within a batch as well. Followers that are behind must start anew.</summary>
    private void DeleteRecords()
    {
        var partition = AnyPartition();
        var leader = _cluster.Store.State.Find(partition)!.Leader;
        if (partition == _cluster.OffsetsPartition || leader == NodeId.None) return;
        _cluster.Deliver(leader.Value, broker =>
        {
            if (broker.Find(partition) is not { } replica) return;
            var limit = _cluster.IsUnclean
                ? replica.HighWatermark
                : Offset.Min(replica.HighWatermark, _cluster.Checker.DeletableEnd(partition));
            if (limit <= replica.LogStartOffset) return;
            var end = replica.LogStartOffset + _random.NextInt64(1, limit - replica.LogStartOffset + 1);
            var error = replica.DeleteRecords(end).Error;
            if (error == ErrorCode.KafkaStorageError && !broker.Disk.IsBroken)
            {
                throw new InvariantViolation($"p{partition}: broker {broker.Id} finds no room to delete records");
            }

            if (error != ErrorCode.None) return;
            if (broker.Disk.Failure is not null) _cluster.Checker.FullDisks.DeletedCount++;
            _cluster.Story.Tell("nemesis", $"deletes p{partition} up to {end}");
            _cluster.Checker.Deleted(partition, end);
        });
    }

    /// <summary>Where nothing may be lost, only while all else is well, and until the controllers know of it nothing else
    /// fails: of a partition's last copies one may go, not all. Nor may the broker have asked for others to leave, which
    /// would make its own copy the last that counts.</summary>
    private void LoseDisk(int id)
    {
        var node = new NodeId(id);
        var isSpare = _cluster.Brokers[id].LastProposalMs is not { } proposed
            || _cluster.Loop.NowMs - proposed > 2 * SimNetwork.StrayMaxMs;
        isSpare &= _cluster.Store.State.Partitions.All(
            partition => !partition.InSync.Contains(node) || partition.InSync.Length > 1);
        if (!_cluster.IsUnclean && !(IsAllWell() && isSpare)) return;
        _cluster.LoseDisk(id);
        _cluster.Loop.After(_random.Next(20, 1_500), () => _cluster.Restart(id));
    }

    private bool IsAllWell() =>
        _cluster.Store.IsReachable
        && !_cluster.Network.IsCut
        && _cluster.Membership.HasHeardAllLately()
        && _cluster.Membership.Statuses().Draining.IsEmpty
        && _cluster.Brokers.All(broker =>
            broker is { IsUp: true, IsPaused: false, IsResigning: false, Disk.Failure: null } && _cluster.IsDiskKnown(broker.Node));

    /// <summary>A lost disk that may still be taken for one with everything on it.</summary>
    private bool IsDiskMissed() =>
        !_cluster.IsUnclean && !_cluster.Brokers.All(broker => _cluster.IsDiskKnown(broker.Node));

    private PartitionIndex AnyPartition() => _cluster.Partitions[_random.Next(_cluster.Partitions.Length)];
}
