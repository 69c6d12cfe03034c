using System.Collections.Concurrent;
using Loire.Protocol;

namespace Loire.Log;

/// <summary>The logs of which something is known to be missing or damaged. Whoever has another copy of such a log deletes it:
/// then it is damaged no more.</summary>
internal sealed class DamagedLogs
{
    private readonly ConcurrentDictionary<PartitionLog, bool> _logs = new();

    public IReadOnlyCollection<TopicIdPartition> Partitions =>
        [.. _logs.Keys.Where(log => !log.IsDeleted).Select(log => log.Partition)];

    /// <summary>Takes up what earlier repairs could not keep.</summary>
    public void AddLost(IReadOnlyCollection<PartitionLog> logs, IReadOnlyCollection<LogLoss> losses)
    {
        foreach (var loss in losses)
        {
            var log = logs.FirstOrDefault(log => log.Partition == loss.Partition);
            if (log?.LacksRecordsAt(loss.From.Value) == true)
                _logs[log] = true;
        }
    }

    /// <summary>Takes up the logs that have batches in a damaged part of the journal.</summary>
    /// <param name="isRead">Whether it was read and is not whole; else the disk refuses it, and may not refuse all of it.</param>
    public void AddDamaged(IEnumerable<PartitionLog> logs, long from, long until, bool isRead)
    {
        foreach (var log in logs)
        {
            if (isRead ? log.NoteDamage(from, until) : log.HasBatchIn(from, until))
                _logs[log] = true;
        }
    }
}
