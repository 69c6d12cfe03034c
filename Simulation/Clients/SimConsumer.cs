using Loire.Broker.Control;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Loire.Simulation.World;

namespace Loire.Simulation.Clients;

/// <summary>A consumer of one partition from its beginning on, which now and then reads from a follower. It remembers
/// the newest leader epoch it has seen, as clients do since KIP-320.</summary>
internal sealed class SimConsumer
{
    private readonly SimCluster _cluster;
    private readonly int _node;
    private readonly PartitionIndex _partition;
    private PartitionState? _known;
    private Offset _highWatermark;
    private int _request;

    public SimConsumer(SimCluster cluster, int number, PartitionIndex partition)
    {
        _cluster = cluster;
        _node = SimNetwork.FirstClient + number;
        _partition = partition;
        cluster.Loop.Every(30, () =>
        {
            Fetch();
            return true;
        });
        cluster.Loop.Every(150, () =>
        {
            LookUp();
            return true;
        });
    }

    public Offset Position { get; private set; }

    private void LookUp()
    {
        var asked = _cluster.Random.Next(_cluster.BrokerCount);
        _cluster.Network.Send(_node, asked, () => _cluster.Deliver(asked, broker =>
        {
            if (!broker.Known.TryGetValue(_partition, out var state)) return;
            _cluster.Network.Send(asked, _node, () =>
            {
                if (_known is null || state.LeaderEpoch > _known.LeaderEpoch) _known = state;
            });
        }));
    }

    private void Fetch()
    {
        if (_known is not { } known || known.Leader == NodeId.None) return;
        var request = ++_request;
        var from = Position;
        var asked = _cluster.Random.Next(3) == 0 ? known.Replicas[_cluster.Random.Next(known.Replicas.Length)] : known.Leader;
        _cluster.Network.Send(_node, asked.Value, () => _cluster.Deliver(asked.Value, broker =>
        {
            var read = broker.Consume(_partition, known.LeaderEpoch, from);
            var bytes = read.Records is SimRecords records ? records.Bytes : [];
            if (bytes.Length > 0 && broker.Disk.Failure is not null) _cluster.Checker.FullDisks.ReadCount++;
            _cluster.Network.Send(broker.Id, _node, () =>
            {
                if (request != _request) return;
                _request++;
                Take(read, broker, from, bytes, isLeader: asked == known.Leader);
            });
        }));
    }

    private void Take(in PartitionRead read, SimBroker broker, Offset from, byte[] bytes, bool isLeader)
    {
        if (read.Error == ErrorCode.KafkaStorageError)
        {
            throw new InvariantViolation($"p{_partition}: broker {broker.Id}, whose disk takes no batches, refuses to be read");
        }

        if (read.Error == ErrorCode.OffsetOutOfRange)
        {
            // A follower may be behind in anything; who leads knows.
            if (isLeader) StartAnew(read, broker, from);
            return;
        }

        if (read.Error != ErrorCode.None) return;
        if (isLeader && read.HighWatermark < _highWatermark)
        {
            throw new InvariantViolation(
                $"p{_partition}: a consumer saw the high watermark fall from {_highWatermark} to {read.HighWatermark}");
        }

        _highWatermark = Offset.Max(_highWatermark, read.HighWatermark);
        _cluster.Checker.Consumed(_partition, from, bytes);
        Position = read.NextOffset;
    }

    private void StartAnew(in PartitionRead read, SimBroker broker, Offset from)
    {
        if (from >= _cluster.Checker.DeletedEnd(_partition))
        {
            throw new InvariantViolation($"p{_partition}: consumer at {from} is out of range at broker {broker.Id}");
        }

        Position = Offset.Max(from, read.LogStartOffset);
    }
}
