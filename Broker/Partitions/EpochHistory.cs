using System.Runtime.InteropServices;
using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>Where each leader epoch of a partition began (KIP-101, KIP-279). Epochs and start offsets both grow.</summary>
internal sealed class EpochHistory
{
    private readonly List<EpochStart> _starts = [];

    public LeaderEpoch Latest => _starts.Count == 0 ? LeaderEpoch.None : _starts[^1].Epoch;
    public ReadOnlySpan<EpochStart> Starts => CollectionsMarshal.AsSpan(_starts);

    /// <summary>Notes that records from <paramref name="start"/> on are of <paramref name="epoch"/>. Epochs not newer
    /// than the latest change nothing.</summary>
    public void Assign(LeaderEpoch epoch, Offset start)
    {
        if (epoch <= Latest) return;

        // An epoch that wrote nothing is as if it had never been.
        while (_starts.Count > 0 && _starts[^1].Start >= start) _starts.RemoveAt(_starts.Count - 1);
        _starts.Add(new EpochStart(epoch, start));
    }

    /// <summary>The epoch of the record at <paramref name="offset"/>; none where it is older than the history.</summary>
    public LeaderEpoch EpochAt(Offset offset)
    {
        for (var i = _starts.Count - 1; i >= 0; i--)
        {
            if (_starts[i].Start <= offset) return _starts[i].Epoch;
        }

        return LeaderEpoch.None;
    }

    /// <summary>The largest epoch not above <paramref name="epoch"/> and the offset after its last record; none and none
    /// where the epoch is above the latest or unknown.</summary>
    public EpochEnd EndOf(LeaderEpoch epoch, Offset logEnd)
    {
        if (epoch == LeaderEpoch.None || epoch > Latest) return EpochEnd.Undefined;
        if (epoch == Latest) return new EpochEnd(epoch, logEnd);

        var higher = _starts.FindIndex(start => start.Epoch > epoch);
        return new EpochEnd(higher == 0 ? epoch : _starts[higher - 1].Epoch, _starts[higher].Start);
    }

    /// <summary>Forgets what began at or after <paramref name="end"/>.</summary>
    public void TruncateTo(Offset end) => _starts.RemoveAll(start => start.Start >= end);

    /// <summary>Forgets epochs that ended at or below <paramref name="logStart"/>; the one that holds it starts there.</summary>
    public void AdvanceTo(Offset logStart)
    {
        var holder = _starts.FindLastIndex(start => start.Start <= logStart);
        if (holder < 0) return;
        var epoch = _starts[holder].Epoch;
        _starts.RemoveRange(0, holder);
        _starts[0] = new EpochStart(epoch, logStart);
    }

    public void Clear() => _starts.Clear();
}

internal readonly record struct EpochStart(LeaderEpoch Epoch, Offset Start);

/// <param name="End">The offset after the epoch's last record.</param>
public readonly record struct EpochEnd(LeaderEpoch Epoch, Offset End)
{
    public static readonly EpochEnd Undefined = new(LeaderEpoch.None, Offset.None);
}
