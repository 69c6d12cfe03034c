using System.Buffers;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Groups;

/// <summary>A coordinator's log in the local replica that leads its partition.</summary>
/// <param name="epoch">The leadership that the coordinator belongs to. It appends in no other: when the replica leads anew,
/// another coordinator may have committed meanwhile what this one does not know.</param>
public sealed class PartitionCoordinatorLog(PartitionReplica replica, LeaderEpoch epoch) : ICoordinatorLog
{
    private const int ReadBytes = 1024 * 1024;

    public int MaxBatchBytes => replica.MaxBatchBytes;
    public long SizeBytes => replica.SizeBytes;

    public async ValueTask<Offset> AppendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        var commit = new CommitTask();
        var appended = await replica.AppendAsync(
            new ReadOnlySequence<byte>(batch), RequiredAcks.All, commit, slot: 0, cancellationToken, epoch);
        if (appended.Error != ErrorCode.None)
            throw new KafkaException(appended.Error, appended.Message ?? $"{replica.Partition} refused a batch with {appended.Error}");
        var committed = await commit.Task.WaitAsync(cancellationToken);
        if (committed != ErrorCode.None)
            throw new CoordinatorLogException($"{replica.Partition} did not commit the batch at {appended.BaseOffset}: {committed}");
        return appended.BaseOffset;
    }

    /// <summary>Waits until all that this leader found in its log is committed: some of it may have been
    /// acknowledged by the leader before.</summary>
    public async ValueTask ReplayAsync(Action<ReadOnlyMemory<byte>> onBatches, CancellationToken cancellationToken)
    {
        var end = replica.LogEndOffset;
        var error = await replica.WaitForCommitAsync(end).WaitAsync(cancellationToken);
        if (error != ErrorCode.None)
            throw new CoordinatorLogException($"{replica.Partition} cannot be read up to {end}: {error}");
        var buffer = new ArrayBufferWriter<byte>(ReadBytes);
        for (var next = replica.LogStartOffset; next < end;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var read = replica.Read(next, ReadBytes, atLeastOne: true, ReadIsolation.Uncommitted);
            if (read.Error != ErrorCode.None || read.Records is not { } records)
                throw new CoordinatorLogException($"{replica.Partition} cannot be read at {next}: {read.Error}");
            try
            {
                buffer.ResetWrittenCount();
                records.CopyTo(buffer);
            }
            finally
            {
                records.Release();
            }
            onBatches(buffer.WrittenMemory);
            next = read.NextOffset;
        }
    }

    public void AdvanceLogStart(Offset start)
    {
        var (error, _) = replica.DeleteRecords(start);
        if (error != ErrorCode.None)
            throw new CoordinatorLogException($"{replica.Partition} cannot move its log start to {start}: {error}");
    }
}
