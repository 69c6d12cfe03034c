using System.Buffers;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Hashing;
using Loire.Protocol.Records;

namespace Loire.Tests.Log;

/// <summary>A data directory that goes away with the test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("loire-log-").FullName;

    public string Path { get; }
    public string Journal => System.IO.Path.Combine(Path, "journal");

    public LogStoreOptions Options => new()
    {
        DataDirectory = Path,
        SegmentBytes = 1 << 18,
        MemoryBytes = 1 << 18,
        MaxBatchBytes = 1 << 15,
    };

    /// <summary>What a crash about now leaves behind: the checkpoint is taken before the indexes and those before the
    /// journal, so that nothing is younger than what it derives from; and nothing is removed meanwhile.</summary>
    public TemporaryDirectory Copy()
    {
        while (true)
        {
            var copy = new TemporaryDirectory();
            Directory.CreateDirectory(copy.Journal);
            string[] files = ListFiles();
            try
            {
                foreach (string file in files)
                    File.Copy(file, System.IO.Path.Combine(copy.Journal, System.IO.Path.GetFileName(file)));
                if (files.All(File.Exists))
                    return copy;
            }
            catch (FileNotFoundException)
            {
                // One was removed: the next try is of later.
            }
            copy.Dispose();
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private string[] ListFiles() => new[] { "format", "lost", "checkpoint", "*.index", "*.journal" }
        .SelectMany(pattern => Directory.EnumerateFiles(Journal, pattern).Order())
        .ToArray();
}

internal static class TestBatches
{
    public static readonly TopicId Topic = new(new Guid("00000000-0000-0000-0000-000000000001"));

    public static TopicIdPartition Partition(int index) => new(Topic, new TopicName("orders"), new PartitionIndex(index));

    /// <summary>A batch whose records are opaque bytes derived from its offset.</summary>
    public static byte[] Create(long baseOffset, int records = 1, int payloadBytes = 100, long timestamp = 1000)
    {
        byte[] bytes = new byte[RecordBatchHeader.SizeBytes + payloadBytes];
        new Random((int)baseOffset).NextBytes(bytes.AsSpan(RecordBatchHeader.SizeBytes));
        var header = new RecordBatchHeader
        {
            BaseOffset = new Offset(baseOffset),
            BatchLength = bytes.Length - RecordBatchHeader.LogOverheadBytes,
            PartitionLeaderEpoch = LeaderEpoch.Zero,
            Magic = RecordBatchHeader.CurrentMagic,
            LastOffsetDelta = records - 1,
            BaseTimestamp = timestamp,
            MaxTimestamp = timestamp,
            ProducerId = ProducerId.None,
            ProducerEpoch = -1,
            BaseSequence = -1,
            RecordsCount = records,
        };
        header.Write(bytes);
        uint crc = Crc32C.Compute(bytes.AsSpan(RecordBatchHeader.AttributesPosition));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(RecordBatchHeader.CrcPosition), crc);
        return bytes;
    }

    public static void Append(this IPartitionLog log, ILogStore store, byte[] batch)
    {
        while (!log.TryAppend(
            batch.AsSpan(0, RecordBatchHeader.SizeBytes),
            new ReadOnlySequence<byte>(batch, RecordBatchHeader.SizeBytes, batch.Length - RecordBatchHeader.SizeBytes)))
        {
            store.WaitForSpaceAsync(CancellationToken.None).AsTask().Wait();
        }
    }

    public static byte[] ReadAll(this IPartitionLog log) => log.ReadFrom(log.LogStartOffset);

    public static byte[] ReadFrom(this IPartitionLog log, Offset from)
    {
        var output = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = log.Read(from, log.LogEndOffset, 1 << 20, atLeastOne: true);
            if (read.Records is not { } records)
                return output.WrittenSpan.ToArray();
            records.CopyTo(output);
            records.Release();
            from = read.NextOffset;
        }
    }
}

/// <summary>Remembers what a log told; its snapshot is the list of base offsets it was shown.</summary>
internal sealed class RecordingObserver : IPartitionLogObserver
{
    private readonly object _lock = new();
    private Offset _durable;

    public List<long> Replayed { get; } = [];
    public List<long> Restored { get; } = [];
    public LogStoreException? Failure { get; private set; }

    public void Restore(ReadOnlySpan<byte> snapshot)
    {
        foreach (long offset in System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(snapshot))
        {
            Restored.Add(offset);
            _durable = new Offset(offset);
        }
    }

    public void ReplayAppend(in RecordBatchHeader header)
    {
        Replayed.Add(header.BaseOffset.Value);
        _durable = header.NextOffset;
    }

    public void ReplayTruncate(Offset end)
    {
        Restored.RemoveAll(offset => offset >= end.Value);
        Replayed.RemoveAll(offset => offset >= end.Value);
    }

    public Offset WriteSnapshot(IBufferWriter<byte> output)
    {
        lock (_lock)
        {
            output.Write(BitConverter.GetBytes(_durable.Value));
            return _durable;
        }
    }

    public void OnDurable(Offset durableEnd)
    {
        lock (_lock)
        {
            _durable = durableEnd;
            Monitor.PulseAll(_lock);
        }
    }

    public void OnFailed(LogStoreException failure)
    {
        lock (_lock)
        {
            Failure = failure;
            Monitor.PulseAll(_lock);
        }
    }

    public void WaitDurable(long end)
    {
        lock (_lock)
        {
            while (_durable.Value < end)
            {
                if (!Monitor.Wait(_lock, Eventually.Patience))
                    throw new TimeoutException($"Not durable up to {end} but {_durable}.");
            }
        }
    }

    public void WaitFailed()
    {
        lock (_lock)
        {
            while (Failure is null)
            {
                if (!Monitor.Wait(_lock, Eventually.Patience))
                    throw new TimeoutException("The store did not fail.");
            }
        }
    }
}
