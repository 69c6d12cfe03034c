using System.Globalization;

namespace Loire.Protocol;

/// <summary>A broker's id; -1 means none or unknown.</summary>
public readonly record struct NodeId(int Value)
{
    public static readonly NodeId None = new(-1);
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A partition's number in its topic, from 0.</summary>
public readonly record struct PartitionIndex(int Value) : IComparable<PartitionIndex>
{
    public int CompareTo(PartitionIndex other) => Value.CompareTo(other.Value);
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>An idempotent or transactional producer's id; -1 means none (KIP-98).</summary>
public readonly record struct ProducerId(long Value)
{
    public static readonly ProducerId None = new(-1);
    public bool IsNone => Value < 0;
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Counts the leaders a partition has had; -1 means unknown (KIP-101).</summary>
public readonly record struct LeaderEpoch(int Value) : IComparable<LeaderEpoch>
{
    public static readonly LeaderEpoch None = new(-1);
    public static readonly LeaderEpoch Zero = new(0);
    public int CompareTo(LeaderEpoch other) => Value.CompareTo(other.Value);
    public static bool operator <(LeaderEpoch a, LeaderEpoch b) => a.Value < b.Value;
    public static bool operator >(LeaderEpoch a, LeaderEpoch b) => a.Value > b.Value;
    public static bool operator <=(LeaderEpoch a, LeaderEpoch b) => a.Value <= b.Value;
    public static bool operator >=(LeaderEpoch a, LeaderEpoch b) => a.Value >= b.Value;
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A record's position in its partition, from 0; -1 means none or unknown.</summary>
public readonly record struct Offset(long Value) : IComparable<Offset>
{
    public static readonly Offset None = new(-1);
    public static readonly Offset Zero = new(0);
    public int CompareTo(Offset other) => Value.CompareTo(other.Value);
    public static Offset Min(Offset a, Offset b) => a.Value <= b.Value ? a : b;
    public static Offset Max(Offset a, Offset b) => a.Value >= b.Value ? a : b;
    public static bool operator <(Offset a, Offset b) => a.Value < b.Value;
    public static bool operator >(Offset a, Offset b) => a.Value > b.Value;
    public static bool operator <=(Offset a, Offset b) => a.Value <= b.Value;
    public static bool operator >=(Offset a, Offset b) => a.Value >= b.Value;
    public static Offset operator +(Offset a, long records) => new(a.Value + records);

    /// <summary>The number of offsets from <paramref name="b"/> up to <paramref name="a"/>.</summary>
    public static long operator -(Offset a, Offset b) => a.Value - b.Value;
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
