using System.Buffers;
using Loire.Broker.Groups;
using Loire.Broker.Partitions;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Simulation.World;

/// <summary>Drives the real group coordinator core on virtual time over the replica that leads its partition, by the
/// rules of the broker's own driver: it loads when all of the log is committed, appends one batch at a time, and loads
/// again when it does not know what became of one.</summary>
internal sealed class SimCoordinator(SimCluster cluster, SimBroker broker, PartitionReplica replica)
{
    private readonly Queue<CoordinatorWrite> _writes = new();
    private GroupCoordinatorCore? _core;
    private LeaderEpoch _epoch = LeaderEpoch.None;
    private bool _isAppending;

    /// <summary>Follows the replica's role; to be called from time to time.</summary>
    public void Check()
    {
        var leads = replica.Availability == ErrorCode.None;
        if (_core is not null && (!leads || replica.LeaderEpoch != _epoch)) Unload();
        if (_core is null && leads && replica.HighWatermark >= replica.LogEndOffset) Load();
        if (_core?.NextDeadlineMs <= cluster.Loop.NowMs) Step(static (core, step) => core.Tick(step));
    }

    /// <param name="knownEpoch">Of the leader that the client knows. The protocol cannot tell it to the coordinator; without
    /// it a leader that does not know its successor yet could answer with what it believes.</param>
    public void Handle(GroupCommand command, LeaderEpoch knownEpoch)
    {
        Check();
        if (_core is null || _epoch < knownEpoch) command.Refuse(ErrorCode.NotCoordinator);
        else Step((core, step) => core.Handle(command, step));
    }

    private void Load()
    {
        var core = new GroupCoordinatorCore(cluster.Configs);
        var next = replica.LogStartOffset;
        while (true)
        {
            var read = replica.Read(next, int.MaxValue, atLeastOne: true, ReadIsolation.Uncommitted);
            if (read.Error != ErrorCode.None) return;
            if (read.Records is not SimRecords records) break;
            Replay(core, records.Bytes);
            next = read.NextOffset;
        }

        cluster.Story.Tell($"broker {broker.Id}.{broker.Incarnation}", $"loads the groups up to {next}");
        (_core, _epoch, _isAppending) = (core, replica.LeaderEpoch, false);
        _writes.Clear();
        Step(static (core, step) => core.Loaded(step));
    }

    private void Replay(GroupCoordinatorCore core, byte[] bytes)
    {
        var reader = new RecordBatchReader(new ReadOnlySequence<byte>(bytes));
        while (reader.TryRead(out var header, out var payload))
        {
            using var records = new RecordReader(header, payload);
            while (records.TryRead(out var record))
            {
                if (CoordinatorRecordCodec.Decode(record.Key, record.Value) is { } known) core.Replay(known, Now());
            }
        }
    }

    private void Unload()
    {
        var step = new CoordinatorStep(Now());
        _core!.Unload(ErrorCode.NotCoordinator, step);
        _core = null;
        step.Replies.ForEach(reply => reply());
    }

    private void Step(Action<GroupCoordinatorCore, CoordinatorStep> act)
    {
        var step = new CoordinatorStep(Now());
        act(_core!, step);
        step.Writes.ForEach(_writes.Enqueue);
        step.Replies.ForEach(reply => reply());
        if (!_isAppending && _writes.TryDequeue(out var write)) Append(_core!, write);
    }

    private void Append(GroupCoordinatorCore core, CoordinatorWrite write)
    {
        using var batch = new CoordinatorBatch { MaxBytes = replica.Config.MaxMessageBytes };
        foreach (var record in write.Records) batch.TryAdd(record, cluster.Loop.NowMs);
        _isAppending = true;
        var bytes = new ReadOnlySequence<byte>(batch.Build().ToArray());
        var commit = new Commit(this, core, write);
        replica.AppendAsync(bytes, RequiredAcks.All, commit, slot: 0, CancellationToken.None, _epoch).Then(appended =>
        {
            if (appended.Error == ErrorCode.None || _core != core) return;
            _isAppending = false;
            Step((current, step) => current.Refused(write, CoordinatorErrors.FromAppend(appended.Error), step));
        });
    }

    private void OnCommitted(GroupCoordinatorCore core, CoordinatorWrite write, ErrorCode error)
    {
        if (_core != core) return;
        _isAppending = false;
        if (error == ErrorCode.None) Step((current, step) => current.Committed(write, write.Records.Count, step));
        else Unload();
    }

    private CoordinatorTime Now() => new(cluster.Loop.NowMs, cluster.Loop.NowMs);

    private sealed class Commit(SimCoordinator coordinator, GroupCoordinatorCore core, CoordinatorWrite write) : ICommitListener
    {
        public void OnCommitted(int slot, ErrorCode error) => coordinator.OnCommitted(core, write, error);
    }
}
