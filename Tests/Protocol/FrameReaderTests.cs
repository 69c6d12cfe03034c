using System.Buffers;
using Loire.Protocol.Wire;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol;

public class FrameReaderTests
{
    private const int SizeMax = 100;

    [Fact]
    public void A_frame_is_found_however_the_input_is_cut()
    {
        byte[] input = [0, 0, 0, 3, 7, 8, 9, 0, 0];
        foreach (int length in (int[])[1, 2, 3, 100])
        {
            Read(MessageCodec.Cut(input, () => length), out var frame).ShouldBe(FrameResult.Frame);
            frame.ToArray().ShouldBe([7, 8, 9]);
        }
    }

    [Fact]
    public void An_empty_frame_is_a_frame()
    {
        Read(new ReadOnlySequence<byte>(new byte[4]), out var frame).ShouldBe(FrameResult.Frame);
        frame.IsEmpty.ShouldBeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData("000000")]
    [InlineData("00000002")]
    [InlineData("0000000211")]
    public void More_is_asked_for_until_the_frame_is_whole(string hex) =>
        Read(new ReadOnlySequence<byte>(Convert.FromHexString(hex)), out _).ShouldBe(FrameResult.NeedMore);

    [Theory]
    [InlineData("ffffffff", "a frame of -1 bytes was announced")]
    [InlineData("00000065", "a frame of 101 bytes was announced; 100 are the most")]
    [InlineData("47455420", "a frame of 1195725856 bytes was announced; 100 are the most")]
    public void A_size_that_cannot_be_is_refused_before_its_bytes_come(string hex, string reason)
    {
        var input = new ReadOnlySequence<byte>(Convert.FromHexString(hex));
        FrameReader.Read(input, SizeMax, out _, out string? error).ShouldBe(FrameResult.Invalid);
        error.ShouldBe(reason);
    }

    [Fact]
    public void The_largest_frame_allowed_is_read() =>
        Read(new ReadOnlySequence<byte>([0, 0, 0, SizeMax, .. new byte[SizeMax]]), out _).ShouldBe(FrameResult.Frame);

    private static FrameResult Read(ReadOnlySequence<byte> input, out ReadOnlySequence<byte> frame) =>
        FrameReader.Read(input, SizeMax, out frame, out _);
}
