using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Wire;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol;

public class RequestEnvelopeTests
{
    [Theory]
    [InlineData("0003" + "0001" + "00000005" + "0002" + "6162", ApiKey.Metadata, 1, "ab", 4)]
    [InlineData("0003" + "0001" + "00000005" + "ffff", ApiKey.Metadata, 1, null, 4)]
    [InlineData("0003" + "0009" + "00000005" + "0002" + "6162" + "00", ApiKey.Metadata, 9, "ab", 5)]
    [InlineData("0003" + "0009" + "00000005" + "0000" + "01" + "05" + "02" + "abcd", ApiKey.Metadata, 9, "", 5)]
    [InlineData("0012" + "0003" + "00000005" + "0002" + "6162" + "00", ApiKey.ApiVersions, 3, "ab", 4)]
    [InlineData("0012" + "0063" + "00000005" + "0002" + "6162" + "00", ApiKey.ApiVersions, 99, "ab", 4)]
    public void The_header_is_read_up_to_the_body(string hex, ApiKey key, int version, string? clientId, int responseHeaderBytes)
    {
        var reader = new WireReader(new ReadOnlySequence<byte>(Convert.FromHexString(hex + "cafe")));
        RequestEnvelope envelope = RequestEnvelope.Read(ref reader);
        envelope.Api.ApiKey.ShouldBe(key);
        envelope.Version.ShouldBe((short)version);
        envelope.CorrelationId.ShouldBe(5);
        envelope.ClientId.ShouldBe(clientId);
        reader.Remaining.ShouldBe(2);
        envelope.ResponseHeaderSizeBytes.ShouldBe(responseHeaderBytes);
        WriteResponseHeader(envelope).Length.ShouldBe(responseHeaderBytes);
    }

    [Theory]
    [InlineData("03e8" + "0000" + "00000005" + "ffff", "RequestHeader.RequestApiKey: there is no API 1000")]
    [InlineData("0003" + "ffff" + "00000005" + "ffff", "RequestHeader.RequestApiVersion: -1")]
    [InlineData("0003" + "0000" + "0000", "RequestHeader.CorrelationId: 4 bytes are needed where 2 remain")]
    public void A_header_that_leads_nowhere_is_refused(string hex, string reason) =>
        Should.Throw<WireFormatException>(() => Read(hex)).Message.ShouldBe(reason);

    private static RequestEnvelope Read(string hex)
    {
        var reader = new WireReader(new ReadOnlySequence<byte>(Convert.FromHexString(hex)));
        return RequestEnvelope.Read(ref reader);
    }

    private static byte[] WriteResponseHeader(RequestEnvelope envelope)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new WireWriter(output);
        envelope.WriteResponseHeader(ref writer);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }
}
