using System.Buffers;
using Loire.Protocol.Records;

namespace Loire.Tests.Fakes;

/// <summary>Batches in memory that know whether they were released, and only once.</summary>
public sealed class FakeRecordsSource : IRecordsSource
{
    private readonly IReadOnlyList<byte[]> _batches;
    private readonly Action? _released;
    private bool _isReleased;

    public FakeRecordsSource(IReadOnlyList<byte[]> batches, Action? released = null)
    {
        _batches = batches;
        _released = released;
        SizeBytes = batches.Sum(batch => batch.Length);
    }

    public int SizeBytes { get; }

    public int CopyNext(IBufferWriter<byte> output, int sizeBytes)
    {
        foreach (var batch in _batches) output.Write(batch);
        return SizeBytes;
    }

    public void Release()
    {
        if (_isReleased) throw new InvalidOperationException("released twice");
        _isReleased = true;
        _released?.Invoke();
    }
}
