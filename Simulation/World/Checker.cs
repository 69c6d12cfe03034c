using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Simulation.World;

/// <summary>The invariants, checked after every event. What is committed is what some leader's high watermark ever
/// passed: from then on it must be the same everywhere and for ever, unless it was deleted. Where unclean elections are
/// allowed it may be lost: then there is still one leader per epoch, and in the end all logs are equal.</summary>
internal sealed class Checker(SimCluster cluster)
{
    private readonly Dictionary<(PartitionIndex, LeaderEpoch), (int Broker, int Incarnation)> _leaders = [];
    private readonly Dictionary<PartitionIndex, List<SimBatch>> _committed = [];
    private readonly Dictionary<(PartitionIndex, int, int), Offset> _highWatermarks = [];
    private readonly Dictionary<(ProducerId, int), Offset> _sequences = [];
    private readonly Dictionary<PartitionIndex, Offset> _deleted = [];
    private readonly Dictionary<PartitionIndex, Offset> _deletable = [];

    /// <summary>Runs of brokers that lost a leadership since their disk was full.</summary>
    private readonly HashSet<(NodeId Broker, int Incarnation)> _relieved = [];

    public long AcknowledgedCount { get; private set; }
    public FullDisks FullDisks { get; } = new();

    public Offset CommittedEnd(PartitionIndex partition) =>
        _committed.TryGetValue(partition, out var batches) && batches.Count > 0 ? batches[^1].Next : Offset.Zero;

    /// <summary>Everything below it was deleted on purpose.</summary>
    public Offset DeletedEnd(PartitionIndex partition) => _deleted.GetValueOrDefault(partition);

    /// <summary>What may be deleted: not the last batch that an idempotent producer knows to be safe. A replica that has none
    /// of a producer's batches takes any sequence for its first one (KIP-360).</summary>
    public Offset DeletableEnd(PartitionIndex partition) => _deletable.GetValueOrDefault(partition);

    public void Deleted(PartitionIndex partition, Offset end) => _deleted[partition] = Offset.Max(DeletedEnd(partition), end);

    public void CheckAll()
    {
        foreach (var broker in cluster.Brokers)
        {
            if (!broker.IsUp) continue;
            foreach (var replica in broker.Replicas)
            {
                var partition = replica.Partition.Partition;
                if (replica.Availability == ErrorCode.None) CheckLeader(broker, partition, replica);
            }
        }

        if (cluster.IsUnclean) return;
        foreach (var (partition, state) in SimCluster.All(cluster.Store.State)) CheckInSync(partition, state);
    }

    /// <summary>A producer was told that its batch is safe.</summary>
    public void Acknowledged(PartitionIndex partition, Offset baseOffset, uint crc)
    {
        AcknowledgedCount++;
        if (cluster.IsUnclean) return;
        var batch = Find(partition, baseOffset);
        Require(
            batch is not null && batch.Base == baseOffset && batch.Header.Crc == crc,
            $"p{partition}: acknowledged at {baseOffset}, but not committed there");
        var copies = Enumerable.Range(0, cluster.BrokerCount).Count(broker => HasDurably(broker, partition, batch!));
        Require(
            copies + cluster.LostDiskCount >= cluster.TopicConfig.MinInSyncReplicas,
            $"p{partition}: acknowledged at {baseOffset} with {copies} durable copies");
        if (batch!.Header.HasProducerId) _deletable[partition] = baseOffset;
    }

    /// <summary>A producer's batch was not appended for want of a disk that takes it.</summary>
    public void Refused(PartitionIndex partition, SimBroker broker)
    {
        Require(broker.Disk.Failure is not null, $"p{partition}: broker {broker.Id} refuses a batch that its disk would take");
        if (!broker.Disk.IsBroken) FullDisks.RefusedCount++;
    }

    /// <summary>The controllers' store took a decision.</summary>
    public void Decided(TopicControlState before, ControlStep step)
    {
        foreach (var partition in step.Changed)
        {
            var (last, next) = (before.Find(partition)!.Leader, step.State.Find(partition)!.Leader);
            if (last == next || last == NodeId.None || next == NodeId.None) continue;
            if (_relieved.Contains((next, cluster.Brokers[next.Value].Incarnation))) FullDisks.LedAgainCount++;
            if (!cluster.DiskOf(last.Value).Room.IsFull || !cluster.Membership.Statuses().Draining.Contains(last)) continue;
            FullDisks.HandedOverCount++;
            _relieved.Add((last, cluster.Brokers[last.Value].Incarnation));
            cluster.Story.Tell("controllers", $"take p{partition} from {last}, whose disk is full");
        }
    }

    /// <summary>A consumer was given batches.</summary>
    public void Consumed(PartitionIndex partition, Offset from, byte[] bytes)
    {
        var reader = new RecordBatchReader(new System.Buffers.ReadOnlySequence<byte>(bytes));
        var next = from;
        while (reader.TryRead(out var header, out _))
        {
            var batch = Find(partition, header.BaseOffset);
            var holdsStart = next == from && header.BaseOffset < from && header.NextOffset > from;
            Require(
                header.BaseOffset == next || holdsStart, $"p{partition}: consumer at {next} was given {header.BaseOffset}");
            Require(
                batch?.Header.Crc == header.Crc,
                $"p{partition}: consumer was given another batch at {header.BaseOffset} than was committed");
            next = header.NextOffset;
        }
    }

    /// <summary>Once everything is well again: all in sync, all logs equal, all may lead.</summary>
    public void CheckEnd()
    {
        var draining = cluster.Membership.Statuses().Draining;
        Require(draining.IsEmpty, $"[{string.Join(',', draining)}] are still taken for draining in the end");
        foreach (var (partition, state) in SimCluster.All(cluster.Store.State))
        {
            Require(state.Leader != NodeId.None, $"p{partition} has no leader in the end");
            Require(
                state.InSync.Length == state.Replicas.Length,
                $"p{partition} is not all in sync in the end: {SimBroker.Describe(state)}");
            Require(IsSettled(partition), $"p{partition} is committed up to {CommittedEnd(partition)} only in the end");
            foreach (var node in state.Replicas) CheckEqual(partition, LogOf(partition, state.Leader), LogOf(partition, node));
        }
    }

    private SimLog LogOf(PartitionIndex partition, NodeId node) => cluster.DiskOf(node.Value).Find(SimCluster.Id(partition))!;

    private static void CheckEqual(PartitionIndex partition, SimLog leader, SimLog follower)
    {
        var from = Offset.Max(leader.LogStartOffset, follower.LogStartOffset);
        var expected = leader.Batches.Skip(leader.IndexOf(from));
        var copied = follower.Batches.Skip(follower.IndexOf(from));
        Require(
            leader.LogEndOffset == follower.LogEndOffset
                && expected.Zip(copied).All(pair => pair.First.IsSame(pair.Second)),
            $"p{partition}: the logs of its replicas differ in the end");
    }

    /// <summary>Whether everything that is in the leader's log is committed.</summary>
    public bool IsSettled(PartitionIndex partition)
    {
        var leader = cluster.Store.State.Find(partition)!.Leader;
        if (leader == NodeId.None || cluster.Brokers[leader.Value].Find(partition) is not { } replica) return false;
        return replica.HighWatermark == replica.LogEndOffset
            && (cluster.IsUnclean || CommittedEnd(partition) == replica.LogEndOffset);
    }

    private void CheckLeader(SimBroker broker, PartitionIndex partition, PartitionReplica replica)
    {
        var epoch = replica.LeaderEpoch;
        var process = (broker.Id, broker.Incarnation);
        if (_leaders.TryAdd((partition, epoch), process))
        {
            cluster.Story.Tell($"broker {broker.Id}.{broker.Incarnation}", $"leads p{partition} in e{epoch}");
        }

        var first = _leaders[(partition, epoch)];
        Require(first == process, $"p{partition} e{epoch} is led by {first} and by {process}");
        if (cluster.IsUnclean) return;
        CheckLogStart(broker, partition, replica.LogStartOffset);
        var key = (partition, broker.Id, broker.Incarnation);
        var highWatermark = replica.HighWatermark;
        var before = _highWatermarks.GetValueOrDefault(key);
        Require(
            highWatermark >= before,
            $"p{partition}: the high watermark of broker {broker.Id} fell from {before} to {highWatermark}");
        if (highWatermark == before) return;
        _highWatermarks[key] = highWatermark;
        Commit(broker, partition, before, highWatermark);
    }

    private void CheckLogStart(SimBroker broker, PartitionIndex partition, Offset logStart) => Require(
        partition == cluster.OffsetsPartition || logStart <= DeletedEnd(partition),
        $"p{partition}: the log of broker {broker.Id} starts at {logStart}, deleted was up to {DeletedEnd(partition)}");

    private void Commit(SimBroker broker, PartitionIndex partition, Offset from, Offset to)
    {
        var log = broker.Disk.Find(SimCluster.Id(partition))!;
        if (!_committed.TryGetValue(partition, out var committed)) _committed[partition] = committed = [];

        // Below its log start it may have what never was committed, and shows it to nobody.
        var first = log.IndexOf(Offset.Max(from, log.LogStartOffset));
        for (var i = first; i < log.Batches.Count && log.Batches[i].Next <= to; i++)
        {
            var batch = log.Batches[i];
            if (batch.Base == CommittedEnd(partition))
            {
                CheckSequence(partition, batch);
                committed.Add(batch);
                cluster.Story.Tell($"broker {broker.Id}.{broker.Incarnation}", $"commits p{partition} {batch}");
                continue;
            }

            Require(
                Find(partition, batch.Base) is { } known && known.IsSame(batch),
                $"p{partition}: broker {broker.Id} commits another batch at {batch.Base} than was committed there");
        }
    }

    /// <summary>Idempotent producers: nothing twice and nothing out of order. (Others may be doubled.)</summary>
    private void CheckSequence(PartitionIndex partition, SimBatch batch)
    {
        if (!batch.Header.HasProducerId) return;
        var key = (batch.Header.ProducerId, partition.Value);
        var next = _sequences.GetValueOrDefault(key, Offset.Zero).Value;
        Require(batch.Header.BaseSequence == next, $"p{partition}: {batch} is committed, expected sequence {next}");
        _sequences[key] = new Offset(batch.Header.LastSequence + 1);
    }

    /// <summary>Every member of the persisted in-sync set has everything committed on disk: any of them may lead.</summary>
    private void CheckInSync(PartitionIndex partition, PartitionState state)
    {
        var end = CommittedEnd(partition);
        if (end == Offset.Zero) return;
        foreach (var node in state.InSync)
        {
            if (!cluster.IsDiskKnown(node)) continue;
            var log = cluster.DiskOf(node.Value).Find(SimCluster.Id(partition));
            var durable = log?.DurableEndOffset ?? Offset.Zero;
            Require(durable >= end, $"p{partition}: broker {node} is in sync with {durable} on disk, committed is {end}");
            CheckLogStart(cluster.Brokers[node.Value], partition, log!.LogStartOffset);
            Verify(partition, log, node, end);
        }
    }

    private void Verify(PartitionIndex partition, SimLog log, NodeId node, Offset end)
    {
        if (log.VerifiedTo >= end) return;
        var first = log.IndexOf(Offset.Max(log.VerifiedTo, DeletedEnd(partition)));
        for (var i = first; i < log.Batches.Count && log.Batches[i].Next <= end; i++)
        {
            Require(
                Find(partition, log.Batches[i].Base)?.IsSame(log.Batches[i]) == true,
                $"p{partition}: broker {node} is in sync with another batch at {log.Batches[i].Base} than was committed");
        }

        log.VerifiedTo = end;
    }

    private bool HasDurably(int broker, PartitionIndex partition, SimBatch batch)
    {
        var log = cluster.DiskOf(broker).Find(SimCluster.Id(partition));
        if (log is null || log.DurableEndOffset < batch.Next) return false;
        if (log.LogStartOffset >= batch.Next) return true;
        return log.Batches[log.IndexOf(batch.Base)].IsSame(batch);
    }

    private SimBatch? Find(PartitionIndex partition, Offset offset)
    {
        if (!_committed.TryGetValue(partition, out var batches)) return null;
        var low = 0;
        var high = batches.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (batches[middle].Next <= offset) low = middle + 1;
            else high = middle;
        }

        return low < batches.Count ? batches[low] : null;
    }

    private static void Require(bool isRight, string violation)
    {
        if (!isRight) throw new InvariantViolation(violation);
    }
}
