using System.Buffers;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;

namespace Loire.Protocol.Client;

/// <summary>What one round of fetches brought. Its memory is given back by disposal.</summary>
public sealed class FetchResult : IDisposable
{
    private readonly List<FetchedPartition> _partitions = [];
    private ResponseLease<FetchResponse>[] _answers;

    internal FetchResult(ResponseLease<FetchResponse>[] answers) => _answers = answers;

    public IReadOnlyList<FetchedPartition> Partitions => _partitions;

    public void Dispose()
    {
        foreach (var answer in _answers)
            answer.Dispose();
        _answers = [];
        _partitions.Clear();
    }

    internal void Add(FetchedPartition partition) => _partitions.Add(partition);
}

/// <summary>Takes a record where it lies; nothing of it may be kept.</summary>
public delegate void RecordHandler(in RecordView record);

/// <summary>The batches of one partition that a fetch brought.</summary>
/// <param name="From">The offset that was asked for; the first batch may start below it.</param>
/// <param name="HighWatermark">The offset after the last record that consumers may see.</param>
/// <param name="Batches">Whole batches, and perhaps one cut short at the end.</param>
public sealed record FetchedPartition(
    TopicPartition Partition, Offset From, Offset HighWatermark, ReadOnlySequence<byte> Batches)
{
    /// <summary>Reads the records from <see cref="From"/> on; control records are left out.</summary>
    /// <exception cref="RecordsException">The bytes are no record batches.</exception>
    public void Read(RecordHandler handler)
    {
        var batches = new RecordBatchReader(Batches);
        while (batches.TryRead(out var header, out var payload))
        {
            if (header.IsControl || header.NextOffset <= From)
                continue;
            using var records = new RecordReader(header, payload);
            while (records.TryRead(out var record))
            {
                if (record.Offset >= From)
                    handler(record);
            }
        }
    }
}
