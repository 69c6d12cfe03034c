using System.Text;
using Loire.Protocol.Hashing;
using Loire.Tests.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Hashing;

public sealed class HashTests
{
    [Fact]
    public void Crc32C_matches_the_published_checksums()
    {
        foreach (var vector in Vectors.Json("crc32c.json").GetProperty("vectors").EnumerateArray())
        {
            var bytes = vector.TryGetProperty("hex", out _)
                ? vector.Hex("hex")
                : [.. Enumerable.Repeat(vector.Hex("repeat"), vector.GetProperty("count").GetInt32()).SelectMany(part => part)];
            Crc32C.Compute(bytes).ToString("x8").ShouldBe(vector.GetProperty("crc32c").GetString());
        }
    }

    [Fact]
    public void Hardware_and_tables_agree_at_every_length()
    {
        var bytes = new byte[20_000];
        new Random(1).NextBytes(bytes);
        for (var length = 0; length < bytes.Length; length += length < 2000 ? 1 : 331)
            Crc32C.Append(5, bytes.AsSpan(0, length)).ShouldBe(Crc32C.AppendByTable(5, bytes.AsSpan(0, length)));
    }

    [Fact]
    public void Checksum_of_a_sequence_is_that_of_its_bytes()
    {
        var bytes = new byte[9_000];
        new Random(2).NextBytes(bytes);
        foreach (var segment in new[] { 1, 13, 4096, 8999, 9000 })
            Crc32C.Compute(Vectors.Cut(bytes, segment)).ShouldBe(Crc32C.Compute(bytes));
    }

    [Fact]
    public void First_bytes_can_be_replaced_without_the_rest()
    {
        var random = new Random(3);
        foreach (var restLength in new[] { 0, 1, 7, 49, 1000, 1 << 20 })
        {
            var before = new byte[40 + restLength];
            random.NextBytes(before);
            var after = before.ToArray();
            random.NextBytes(after.AsSpan(0, 40));
            var oldFirst = Crc32C.Compute(before.AsSpan(0, 40));
            var newFirst = Crc32C.Compute(after.AsSpan(0, 40));
            Crc32C.ReplaceFirst(Crc32C.Compute(before), oldFirst, newFirst, restLength).ShouldBe(Crc32C.Compute(after));
        }
    }

    [Fact]
    public void Murmur2_places_keys_as_the_Java_client_does()
    {
        foreach (var vector in Vectors.Json("murmur2.json").GetProperty("vectors").EnumerateArray())
        {
            var key = Encoding.UTF8.GetBytes(vector.GetProperty("key").GetString()!);
            Murmur2.Hash(key).ShouldBe(vector.GetProperty("murmur2").GetInt32());
            Murmur2.PartitionOf(key, 12).Value.ShouldBe(vector.GetProperty("partitionOf12").GetInt32());
        }
    }
}
