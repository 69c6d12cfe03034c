using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Loire.Protocol.Records;
using Loire.Simulation.World;

namespace Loire.Simulation.Clients;

/// <summary>A producer of one partition with acks=all. Whatever goes wrong, it opens a new connection, looks up the
/// leader and sends everything that is not acknowledged again, in order.</summary>
internal sealed class SimProducer
{
    private const int TimeoutMs = 600;

    private readonly SimCluster _cluster;
    private readonly int _node;
    private readonly PartitionIndex _partition;
    private readonly bool _isIdempotent;
    private readonly LinkedList<Batch> _unacknowledged = [];
    private SimConnection? _connection;
    private int _sequence;
    private int _batchCount;
    private bool _isRecovering;
    private bool _isKnown;

    public SimProducer(SimCluster cluster, int number, PartitionIndex partition, bool isIdempotent)
    {
        _cluster = cluster;
        _node = SimNetwork.FirstClient + number;
        _partition = partition;
        _isIdempotent = isIdempotent;
        cluster.Loop.Every(cluster.Random.Next(15, 120), () =>
        {
            if (!IsStopped) Produce();
            return !IsStopped;
        });
        Recover();
    }

    public PartitionIndex Partition => _partition;
    public bool IsStopped { get; set; }
    public int BatchCount => _batchCount;

    /// <summary>All batches with a smaller number are acknowledged.</summary>
    public int AcknowledgedTo => _unacknowledged.First?.Value.Number ?? _batchCount;
    public int UnacknowledgedCount => _unacknowledged.Count;

    /// <summary>A broker takes any first sequence from a producer it does not know (KIP-360), so nothing may follow the
    /// very first batch before that is acknowledged.</summary>
    private int InFlightMax => _isIdempotent && _isKnown ? 5 : 1;

    private void Produce()
    {
        // A broker remembers the last few batches only: what is not acknowledged must not fall behind by more.
        if (_unacknowledged.First is { } oldest && _batchCount - oldest.Value.Number >= InFlightMax) return;
        var batch = new Batch(_batchCount++, Build());
        _unacknowledged.AddLast(batch);
        if (!_isRecovering) Send(batch);
    }

    private byte[] Build()
    {
        var records = _cluster.Random.Next(1, 4);
        using var builder = new RecordBatchBuilder
        {
            ProducerId = _isIdempotent ? new ProducerId(_node) : ProducerId.None,
            ProducerEpoch = (short)(_isIdempotent ? 0 : -1),
            BaseSequence = _isIdempotent ? _sequence : -1,
        };
        for (var i = 0; i < records; i++)
        {
            var value = BitConverter.GetBytes(((long)_node << 32) + _sequence++);
            builder.Append(_cluster.Loop.NowMs, RecordBytes.Null, new RecordBytes(value));
        }

        var bytes = new ArrayBufferWriter<byte>();
        builder.Build(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    private void Send(Batch batch)
    {
        var connection = _connection!;
        var answer = new Answer(this, batch, connection);
        connection.Request(broker => answer.Await(broker.Produce(_partition, batch.Bytes, answer), broker));
        _cluster.Loop.After(TimeoutMs, () =>
        {
            if (_connection == connection && _unacknowledged.Contains(batch)) Recover();
        });
    }

    private void Acknowledged(Batch batch, Offset baseOffset)
    {
        if (!_unacknowledged.Remove(batch)) return;
        _isKnown = true;
        _cluster.Checker.Acknowledged(_partition, baseOffset, RecordBatchHeader.Read(batch.Bytes).Crc);
    }

    /// <summary>Asks any broker who leads, then sends again what is not acknowledged.</summary>
    private void Recover()
    {
        _connection = null;
        _isRecovering = true;
        var asked = _cluster.Random.Next(_cluster.BrokerCount);
        var isAnswered = false;
        _cluster.Network.Send(_node, asked, () => _cluster.Deliver(asked, broker =>
        {
            var leader = broker.Known.TryGetValue(_partition, out var state) ? state.Leader : NodeId.None;
            _cluster.Network.Send(asked, _node, () =>
            {
                if (isAnswered || leader == NodeId.None) return;
                isAnswered = true;
                _connection = new SimConnection(_cluster, _node, _cluster.Brokers[leader.Value]);
                _isRecovering = false;
                foreach (var batch in _unacknowledged.ToArray()) Send(batch);
            });
        }));
        _cluster.Loop.After(_cluster.Random.Next(50, 150), () =>
        {
            if (isAnswered) return;
            isAnswered = true;
            Recover();
        });
    }

    private sealed record Batch(int Number, byte[] Bytes);

    /// <summary>The broker's side of one request: it answers when the batch was appended and is committed.</summary>
    private sealed class Answer(SimProducer producer, Batch batch, SimConnection connection) : ICommitListener
    {
        private AppendResult? _appended;
        private ErrorCode? _committed;

        public void Await(ValueTask<AppendResult> appending, SimBroker broker)
        {
            var checker = producer._cluster.Checker;
            if (!appending.IsCompleted) checker.FullDisks.WaitedCount++;
            appending.Then(appended =>
            {
                if (appended.Error == ErrorCode.KafkaStorageError) checker.Refused(producer._partition, broker);
                _appended = appended;
                AnswerIfDone();
            });
        }

        public void OnCommitted(int slot, ErrorCode error)
        {
            if (_committed is not null) throw new InvariantViolation($"p{producer._partition}: a batch is answered twice");
            _committed = error;
            AnswerIfDone();
        }

        private void AnswerIfDone()
        {
            if (_appended is not { } appended) return;
            if (appended.Error == ErrorCode.None && _committed is null) return;
            if (appended.Error != ErrorCode.None && _committed is not null)
            {
                throw new InvariantViolation($"p{producer._partition}: a batch is refused ({appended.Error}), and yet committed");
            }

            var error = appended.Error == ErrorCode.None ? _committed!.Value : appended.Error;
            connection.Answer(() => producer.OnAnswer(batch, connection, error, appended.BaseOffset));
        }
    }

    private void OnAnswer(Batch batch, SimConnection connection, ErrorCode error, Offset baseOffset)
    {
        if (error == ErrorCode.None) Acknowledged(batch, baseOffset);
        else if (_connection == connection)
        {
            _cluster.Story.Tell($"client {_node}", $"is refused by {connection.Broker}: {error}");
            Recover();
        }
    }
}
