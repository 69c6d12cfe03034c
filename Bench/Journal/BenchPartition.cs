using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Records;

namespace Loire.Bench.Journal;

/// <summary>Appends batches of one size and knows when each is durable, as a partition's leader does.</summary>
internal sealed class BenchPartition : IPartitionLogObserver
{
    private static readonly TopicId Topic = new(new Guid("5d2e8a4c-93a1-4f61-8d2f-0f5f0a1c0b11"));

    private readonly LogStore _store;
    private readonly byte[] _batch;
    private readonly Queue<(Offset End, TaskCompletionSource Done)> _waiting = new();

    public BenchPartition(LogStore store, int index, int sizeBytes)
    {
        _store = store;
        _batch = CreateBatch(sizeBytes);
        Log = store.Open(new TopicIdPartition(Topic, new TopicName("bench"), new PartitionIndex(index)), this);
    }

    public IPartitionLog Log { get; }

    public async Task AppendAsync()
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (!TryAppend(done))
            await _store.WaitForSpaceAsync(CancellationToken.None);
        await done.Task;
    }

    public void OnDurable(Offset durableEnd)
    {
        lock (_waiting)
        {
            while (_waiting.TryPeek(out var first) && first.End <= durableEnd)
            {
                _waiting.Dequeue();
                first.Done.SetResult();
            }
        }
    }

    public Offset WriteSnapshot(IBufferWriter<byte> output) => Log?.LogEndOffset ?? Offset.Zero;

    public void Restore(ReadOnlySpan<byte> snapshot)
    {
    }

    public void ReplayAppend(in RecordBatchHeader header)
    {
    }

    public void ReplayTruncate(Offset end)
    {
    }

    public void OnFailed(LogStoreException failure) => throw failure;

    private bool TryAppend(TaskCompletionSource done)
    {
        lock (_waiting)
        {
            RecordBatchHeader.Assign(_batch, Log.LogEndOffset, LeaderEpoch.Zero);
            var records = new ReadOnlySequence<byte>(
                _batch, RecordBatchHeader.SizeBytes, _batch.Length - RecordBatchHeader.SizeBytes);
            if (!Log.TryAppend(_batch.AsSpan(0, RecordBatchHeader.SizeBytes), records))
                return false;
            _waiting.Enqueue((Log.LogEndOffset, done));
            return true;
        }
    }

    private static byte[] CreateBatch(int sizeBytes)
    {
        byte[] batch = new byte[Math.Max(sizeBytes, RecordBatchHeader.SizeBytes)];
        new Random(1).NextBytes(batch);
        new RecordBatchHeader
        {
            BatchLength = batch.Length - RecordBatchHeader.LogOverheadBytes,
            Magic = RecordBatchHeader.CurrentMagic,
            RecordsCount = 1,
            ProducerId = ProducerId.None,
            MaxTimestamp = 1000,
        }.Write(batch);
        uint crc = uint.MaxValue;
        foreach (byte value in batch.AsSpan(RecordBatchHeader.AttributesPosition))
            crc = BitOperations.Crc32C(crc, value);
        BinaryPrimitives.WriteUInt32BigEndian(batch.AsSpan(RecordBatchHeader.CrcPosition), ~crc);
        return batch;
    }
}
