using System.Buffers;
using Loire.Broker.Gateway;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Gateway;

public sealed class RequestDispatcherTests
{
    private readonly RequestDispatcher _dispatcher = new([new StubHeartbeat(), new StubProduce()]);

    [Theory]
    [InlineData("000c" + "0003" + "00000005" + "0002" + "6162", ApiKey.Heartbeat, 3, "ab")]
    [InlineData("000c" + "0003" + "00000005" + "ffff", ApiKey.Heartbeat, 3, null)]
    [InlineData("000c" + "0004" + "00000005" + "0002" + "6162" + "00", ApiKey.Heartbeat, 4, "ab")]
    [InlineData("000c" + "0004" + "00000005" + "0000" + "01" + "05" + "02" + "abcd", ApiKey.Heartbeat, 4, "")]
    [InlineData("0012" + "0003" + "00000005" + "0002" + "6162" + "00", ApiKey.ApiVersions, 3, "ab")]
    public void The_header_is_read_up_to_the_body(string hex, ApiKey key, int version, string? clientId)
    {
        var request = Decode(hex + "cafe");
        request.Api.Handler.ApiKey.ShouldBe(key);
        request.Version.ShouldBe((short)version);
        request.CorrelationId.ShouldBe(5);
        request.ClientId.ShouldBe(clientId);
        request.Body.ToArray().ShouldBe([0xCA, 0xFE]);
    }

    [Fact]
    public void A_version_of_ApiVersions_that_is_not_served_is_answered_as_version_0()
    {
        var request = Decode("0012" + "0063" + "00000005" + "0002" + "6162" + "00");
        request.Api.Handler.ApiKey.ShouldBe(ApiKey.ApiVersions);
        request.Version.ShouldBe((short)0);
        request.CorrelationId.ShouldBe(5);
    }

    [Theory]
    [InlineData("03e8" + "0000" + "00000005" + "ffff", "API 1000")]
    [InlineData("000c" + "ffff" + "00000005" + "ffff", "version -1 of Heartbeat")]
    public void A_request_that_nobody_serves_is_refused(string hex, string reason) =>
        Should.Throw<ConnectionRefusedException>(() => Decode(hex)).Message.ShouldContain(reason);

    [Fact]
    public void A_header_cut_short_is_refused_by_its_field() =>
        Should.Throw<WireFormatException>(() => Decode("000c" + "0000" + "0000")).Message.ShouldContain("CorrelationId");

    /// <summary>Tags come with flexible versions; ApiVersions answers without, so that every client can read it.</summary>
    [Theory]
    [InlineData(ApiKey.Metadata, 8, 0)]
    [InlineData(ApiKey.Metadata, 9, 1)]
    [InlineData(ApiKey.ApiVersions, 3, 0)]
    public void Response_headers_have_tags_where_clients_expect_them(ApiKey key, int version, int headerVersion) =>
        MessageCatalog.Find(key)!.ResponseHeaderVersion((short)version).ShouldBe((short)headerVersion);

    [Fact]
    public void Only_records_make_a_frame_large()
    {
        const int large = 9 << 20;
        _dispatcher.CheckFrameSize((short)ApiKey.Produce, large);
        Should.Throw<ConnectionRefusedException>(() => _dispatcher.CheckFrameSize((short)ApiKey.Heartbeat, large))
            .Message.ShouldContain("Heartbeat");
        Should.Throw<ConnectionRefusedException>(() => _dispatcher.CheckFrameSize(1000, large)).Message.ShouldContain("API 1000");
    }

    private Request Decode(string hex) => _dispatcher.Decode(new ReadOnlySequence<byte>(Convert.FromHexString(hex)));
}
