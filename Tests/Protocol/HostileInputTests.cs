using System.Buffers;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol;

/// <summary>Bytes from anybody: whatever they are, a message or a WireFormatException comes of them, and memory in
/// proportion to their number.</summary>
public class HostileInputTests
{
    /// <summary>The least generous structure makes about 80 bytes of objects from 3 bytes of input; an exception and
    /// its text come on top.</summary>
    private static long AllocationMax(int inputBytes) => 16_384 + (64L * inputBytes);

    /// <summary>Lengths, counts and varints at their extremes, and numbers next to those.</summary>
    private static readonly byte[][] Extremes =
    [
        [0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0x80, 0x00, 0x00, 0x00], [0xFF, 0xFF, 0xFF, 0xFE],
        [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF], [0x80, 0x00], [0x00, 0xFF, 0xFF, 0xFF], [0xFF], [0x00], [0x7F], [0xC3],
    ];

    [Fact]
    public void A_message_cut_short_anywhere_is_refused()
    {
        foreach (MessageVector vector in MessageVector.All)
        {
            for (int length = 0; length < vector.Bytes.Length; length++)
            {
                TryRead(vector, vector.Bytes[..length]).ShouldNotBeNull($"{vector} cut to {length} bytes");
            }
        }
    }

    [Fact]
    public void Extreme_numbers_anywhere_are_refused_or_read_in_bounded_memory()
    {
        int refused = 0;
        foreach (MessageVector vector in MessageVector.All)
        {
            foreach (byte[] extreme in Extremes)
            {
                for (int at = 0; at + extreme.Length <= vector.Bytes.Length; at++)
                {
                    byte[] bytes = [.. vector.Bytes];
                    extreme.CopyTo(bytes, at);
                    if (TryRead(vector, bytes) is not null) refused++;
                }
            }
        }

        refused.ShouldBeGreaterThan(10_000);
    }

    [Fact]
    public void An_array_is_not_believed_beyond_the_bytes_that_follow()
    {
        byte[] bytes = new byte[1 << 20];
        Convert.FromHexString("ffff" + "0001" + "00000000" + "7fffffff").CopyTo(bytes, 0);
        var vector = MessageVector.All.First(v => v is { Message: "ProduceRequest", Version: 3 });
        TryRead(vector, bytes)!.Message.ShouldStartWith("ProduceRequest.TopicData: 2147483647 elements are announced");
    }

    [Fact]
    public void All_arrays_together_have_no_more_elements_than_allowed()
    {
        var reader = new WireReader(new ReadOnlySequence<byte>([0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0]), elementsMax: 5);
        reader.ReadCount(flexible: false, elementSizeMin: 1, "first").ShouldBe(3);
        reader.ReadCount(flexible: false, elementSizeMin: 1, "second").ShouldBe(2);
        string? message = null;
        try
        {
            reader.ReadCount(flexible: false, elementSizeMin: 1, "third");
        }
        catch (WireFormatException refused)
        {
            message = refused.Message;
        }
        message.ShouldBe("third: 6 elements are announced so far; 5 are the most");
    }

    [Theory]
    [InlineData("c3", "the text is not UTF-8")]
    [InlineData("c328", "the text is not UTF-8")]
    [InlineData("eda080", "the text is not UTF-8")]
    public void Text_that_is_not_UTF8_is_refused_by_field(string hex, string reason)
    {
        byte[] text = Convert.FromHexString(hex);
        byte[] bytes = [0, (byte)text.Length, .. text];
        var error = Should.Throw<WireFormatException>(() => MessageCodec.Read("SaslHandshakeRequest", bytes, 0));
        error.Message.ShouldBe($"SaslHandshakeRequest.Mechanism: {reason}");
    }

    [Fact]
    public void Null_is_refused_where_a_version_does_not_allow_it()
    {
        MessageCodec.Read("MetadataRequest", [0xFF, 0xFF, 0xFF, 0xFF], 1).ShouldBeOfType<MetadataRequest>().Topics.ShouldBeNull();
        Should.Throw<WireFormatException>(() => MessageCodec.Read("MetadataRequest", [0xFF, 0xFF, 0xFF, 0xFF], 0))
            .Message.ShouldBe("MetadataRequest.Topics: null is not allowed here");
    }

    [Theory]
    [InlineData(2)]
    [InlineData(255)]
    public void Any_byte_but_zero_is_true(byte value) =>
        MessageCodec.Read("EndTxnRequest", [0, 1, (byte)'t', 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, value], 0)
            .ShouldBeOfType<EndTxnRequest>().Committed.ShouldBeTrue();

    [Fact]
    public void A_value_that_the_version_cannot_carry_is_refused_before_a_byte_is_written()
    {
        var request = new FindCoordinatorRequest { Key = "group", KeyType = 1 };
        Should.Throw<WireFormatException>(() => request.SizeOf(0)).Message
            .ShouldBe("FindCoordinatorRequest.KeyType: version 0 cannot carry the value");
        Should.Throw<WireFormatException>(() => MessageCodec.Write(request, 0));
        MessageCodec.Write(request, 1).Length.ShouldBe(request.SizeOf(1));
    }

    [Fact]
    public void A_text_too_long_for_its_length_is_refused_before_a_byte_is_written()
    {
        var request = new SaslHandshakeRequest { Mechanism = new string('x', 32768) };
        Should.Throw<WireFormatException>(() => request.SizeOf(0)).Message
            .ShouldStartWith("SaslHandshakeRequest.Mechanism: a string of 32768 bytes");
    }

    /// <summary>The refusal, or null where the bytes are a message after all.</summary>
    private static WireFormatException? TryRead(MessageVector vector, byte[] bytes)
    {
        WireFormatException? refusal = null;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            MessageCodec.Read(vector.Message, bytes, vector.Version);
        }
        catch (WireFormatException e)
        {
            refusal = e;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        allocated.ShouldBeLessThan(AllocationMax(bytes.Length), vector.ToString());
        return refusal;
    }
}
