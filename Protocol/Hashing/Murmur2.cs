using System.Buffers.Binary;

namespace Loire.Protocol.Hashing;

/// <summary>The hash by which the Java client, and everybody who wants its partitions, places a key.</summary>
public static class Murmur2
{
    private const uint Seed = 0x9747B28C;
    private const uint Multiplier = 0x5BD1E995;

    public static int Hash(ReadOnlySpan<byte> key)
    {
        unchecked
        {
            var hash = Seed ^ (uint)key.Length;
            while (key.Length >= 4)
            {
                var word = BinaryPrimitives.ReadUInt32LittleEndian(key) * Multiplier;
                word ^= word >> 24;
                hash = (hash * Multiplier) ^ (word * Multiplier);
                key = key[4..];
            }
            if (!key.IsEmpty)
            {
                for (var i = key.Length - 1; i >= 0; i--)
                    hash ^= (uint)key[i] << (8 * i);
                hash *= Multiplier;
            }
            hash ^= hash >> 13;
            hash *= Multiplier;
            return (int)(hash ^ (hash >> 15));
        }
    }

    /// <summary>The partition of a key in a topic of <paramref name="partitions"/> partitions, as the Java client's
    /// default partitioner chooses it.</summary>
    public static PartitionIndex PartitionOf(ReadOnlySpan<byte> key, int partitions) =>
        new((Hash(key) & int.MaxValue) % partitions);
}
