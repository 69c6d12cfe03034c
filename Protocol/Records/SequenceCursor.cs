using System.Buffers;

namespace Loire.Protocol.Records;

/// <summary>Reads varints and skips bytes over a sequence whose segments may be cut anywhere.</summary>
internal ref struct SequenceCursor
{
    private readonly ReadOnlySequence<byte> _sequence;
    private SequencePosition _next;
    private ReadOnlySpan<byte> _segment;
    private int _position;
    private long _consumedBefore;

    public SequenceCursor(in ReadOnlySequence<byte> sequence)
    {
        _sequence = sequence;
        _next = sequence.Start;
        MoveToNextSegment();
    }

    /// <summary>Bytes read or skipped so far.</summary>
    public readonly long Consumed => _consumedBefore + _position;

    public bool TryReadVarint(out int value)
    {
        if (_segment.Length - _position >= Varints.MaxSizeInt32)
            return Varints.TryRead(_segment, ref _position, out value);
        Span<byte> scratch = stackalloc byte[Varints.MaxSizeInt32];
        var size = 0;
        return Varints.TryRead(Peek(scratch), ref size, out value) && TrySkip(size);
    }

    public bool TryReadVarlong(out long value)
    {
        if (_segment.Length - _position >= Varints.MaxSizeInt64)
            return Varints.TryRead(_segment, ref _position, out value);
        Span<byte> scratch = stackalloc byte[Varints.MaxSizeInt64];
        var size = 0;
        return Varints.TryRead(Peek(scratch), ref size, out value) && TrySkip(size);
    }

    /// <returns>False where fewer bytes are left.</returns>
    public bool TrySkip(int count)
    {
        while (count > _segment.Length - _position)
        {
            count -= _segment.Length - _position;
            _position = _segment.Length;
            if (!MoveToNextSegment())
                return false;
        }
        _position += count;
        return true;
    }

    private readonly ReadOnlySpan<byte> Peek(Span<byte> scratch)
    {
        var rest = _segment[_position..];
        rest.CopyTo(scratch);
        var filled = rest.Length;
        var next = _next;
        while (filled < scratch.Length && _sequence.TryGet(ref next, out var memory))
        {
            var taken = Math.Min(memory.Length, scratch.Length - filled);
            memory.Span[..taken].CopyTo(scratch[filled..]);
            filled += taken;
        }
        return scratch[..filled];
    }

    private bool MoveToNextSegment()
    {
        _consumedBefore += _segment.Length;
        _position = 0;
        _segment = default;
        if (!_sequence.TryGet(ref _next, out var memory))
            return false;
        _segment = memory.Span;
        return true;
    }
}
