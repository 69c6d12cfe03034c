using System.Buffers;
using Loire.Protocol.Compression;
using Loire.Protocol.Records;
using Loire.Tests.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Compression;

public sealed class CodecsTests
{
    public static TheoryData<CompressionCodec> AllCodecs => [.. Enum.GetValues<CompressionCodec>()];

    public static TheoryData<CompressionCodec> RealCodecs => [.. Enum.GetValues<CompressionCodec>().Skip(1)];

    [Theory]
    [MemberData(nameof(AllCodecs))]
    public void Round_trip_of_every_size_and_shape(CompressionCodec codec)
    {
        foreach (var size in new[] { 1, 3, 4, 5, 63, 64, 65, 1000, 32_768, 32_769, 65_536, 65_537, 1_000_000 })
        {
            foreach (var bytes in Shapes(size))
            {
                var compressed = Compress(codec, bytes);
                Decompress(codec, new ReadOnlySequence<byte>(compressed), size).AsSpan().SequenceEqual(bytes)
                    .ShouldBeTrue($"{codec} of {size}");
                Decompress(codec, Vectors.Cut(compressed, 1 + (compressed.Length / 7)), size).AsSpan().SequenceEqual(bytes)
                    .ShouldBeTrue($"{codec} of {size}, cut");
            }
        }
    }

    [Theory]
    [MemberData(nameof(AllCodecs))]
    public void Output_over_the_limit_is_refused(CompressionCodec codec)
    {
        // A bomb: 64 MB of zeros. The limit is reached long before all of it is there.
        var bomb = Compress(codec, new byte[64 * 1024 * 1024]);
        var exception = Should.Throw<CompressionException>(() => Decompress(codec, new ReadOnlySequence<byte>(bomb), 100_000));
        exception.IsOverLimit.ShouldBeTrue();
        exception.Message.ShouldContain("100000");
        Should.Throw<CompressionException>(() => Decompress(codec, new ReadOnlySequence<byte>(Compress(codec, new byte[11])), 10));
    }

    [Theory]
    [MemberData(nameof(RealCodecs))]
    public void Garbage_is_refused(CompressionCodec codec)
    {
        var random = new Random((int)codec);
        for (var i = 0; i < 500; i++)
        {
            var garbage = new byte[random.Next(1, 200)];
            random.NextBytes(garbage);
            // Random bytes can be a bare Snappy block, and .NET takes a cut gzip header for an empty stream.
            if (codec is CompressionCodec.Snappy or CompressionCodec.Gzip)
                DecompressOrFail(codec, garbage);
            else
                Should.Throw<CompressionException>(() => Decompress(codec, new ReadOnlySequence<byte>(garbage), 1 << 20));
        }
    }

    [Fact]
    public void Unknown_codec_is_named() =>
        Should.Throw<CompressionException>(() => Compress((CompressionCodec)6, [1])).Message.ShouldContain("codec 6");

    [Fact]
    public void Snappy_agrees_with_another_implementation()
    {
        foreach (var size in new[] { 1, 5, 60, 61, 70, 256, 300, 5000, 65_536, 200_000 })
        {
            foreach (var bytes in Shapes(size))
            {
                // A bare block, as librdkafka sends.
                Decompress(CompressionCodec.Snappy, new ReadOnlySequence<byte>(IronSnappy.Snappy.Encode(bytes)), size)
                    .AsSpan().SequenceEqual(bytes).ShouldBeTrue($"block of {size}");
                if (size > 32 * 1024)
                    continue;
                var framed = Compress(CompressionCodec.Snappy, bytes);
                IronSnappy.Snappy.Decode(framed.AsSpan(20)).AsSpan().SequenceEqual(bytes).ShouldBeTrue($"frame of {size}");
            }
        }
    }

    [Theory]
    [InlineData("82534e41505059000000000100000001000000")] // chunk length cut
    [InlineData("82534e4150505900000000")] // frame header cut
    [InlineData("82534e41505059000000000100000001ffffffff00")] // negative chunk
    [InlineData("82534e415050590000000001000000017fffffff00")] // chunk longer than the frame
    [InlineData("ffffffffff7f")] // length is no uint32
    [InlineData("ffffffff0f")] // claims 4 GiB
    [InlineData("8080800100")] // claims 2 MiB in one byte
    [InlineData("04fc")] // literal length missing
    [InlineData("0401ff")] // copy from before the start
    [InlineData("0400610500")] // copy with offset 0
    [InlineData("0a0061")] // shorter than it claims
    [InlineData("010461")] // literal longer than the input
    public void Hostile_snappy_is_refused(string hex) => Should.Throw<CompressionException>(
        () => Decompress(CompressionCodec.Snappy, new ReadOnlySequence<byte>(Convert.FromHexString(hex)), 1 << 24));

    [Fact]
    public void Lz4_frame_is_written_as_the_Java_client_does()
    {
        var frame = Compress(CompressionCodec.Lz4, new byte[200_000]);
        Convert.ToHexStringLower(frame.AsSpan(0, 7)).ShouldBe("04224d18604082");
    }

    private static void DecompressOrFail(CompressionCodec codec, byte[] garbage)
    {
        try
        {
            Decompress(codec, new ReadOnlySequence<byte>(garbage), 1 << 20).Length.ShouldBeLessThan(10_000);
        }
        catch (CompressionException exception)
        {
            exception.Message.ShouldContain(codec.Name());
        }
    }

    private static IEnumerable<byte[]> Shapes(int size)
    {
        yield return new byte[size];
        var random = new byte[size];
        new Random(size).NextBytes(random);
        yield return random;
        yield return [.. Enumerable.Range(0, size).Select(i => (byte)("abcdefgh"[i % 8] + (i / 1000 % 3)))];
    }

    private static byte[] Compress(CompressionCodec codec, byte[] bytes)
    {
        using var output = new PooledBuffer();
        Codecs.Compress(codec, bytes, output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Decompress(CompressionCodec codec, ReadOnlySequence<byte> bytes, int limit)
    {
        using var output = new PooledBuffer(limit);
        Codecs.Decompress(codec, bytes, output);
        return output.WrittenSpan.ToArray();
    }
}
