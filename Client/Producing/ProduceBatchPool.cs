namespace Loire.Client;

/// <summary>Batches to be used again with their buffers: no more than the records under way can fill, however many
/// partitions are written to.</summary>
internal sealed class ProduceBatchPool(ProducerOptions options) : IDisposable
{
    private readonly int _spareMax = options.BufferSizeBytes / options.BatchSizeBytes;
    private readonly Lock _lock = new();
    private readonly Stack<ProduceBatch> _spare = new();
    private bool _isDisposed;

    public ProduceBatch Rent()
    {
        lock (_lock)
        {
            if (_spare.TryPop(out var batch))
                return batch;
        }
        return new ProduceBatch(options.Compression);
    }

    public void Return(ProduceBatch batch)
    {
        lock (_lock)
        {
            if (!_isDisposed && _spare.Count < _spareMax && batch.LargestSizeBytes <= 2 * options.BatchSizeBytes)
            {
                _spare.Push(batch);
                return;
            }
        }
        batch.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            foreach (var batch in _spare)
                batch.Dispose();
            _spare.Clear();
        }
    }
}
