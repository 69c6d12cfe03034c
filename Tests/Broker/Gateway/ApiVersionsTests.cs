using Loire.Protocol;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Gateway;

public sealed class ApiVersionsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task ApiVersions_lists_what_the_handlers_serve(short version)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = gateway.Connect();
        var request = new ApiVersionsRequest { ClientSoftwareName = "loire-test", ClientSoftwareVersion = "1.0" };
        await client.SendAsync(RawClient.Frame(version >= 3 ? request : new(), version, 5));
        var (id, response) = await client.ReceiveAsync<ApiVersionsResponse>(version);
        id.ShouldBe(5);
        response.ErrorCode.ShouldBe(ErrorCode.None);
        response.ApiKeys.Select(api => (api.ApiKey, api.MinVersion, api.MaxVersion)).ShouldBe(
        [
            ((short)ApiKey.Produce, (short)0, ProduceRequest.Info.HighestVersion),
            ((short)ApiKey.Fetch, FetchRequest.Info.LowestVersion, FetchRequest.Info.HighestVersion),
            ((short)ApiKey.Heartbeat, (short)0, HeartbeatRequest.Info.HighestVersion),
            ((short)ApiKey.ApiVersions, (short)0, (short)4),
        ]);
    }

    [Fact]
    public async Task An_unknown_version_of_ApiVersions_is_answered_in_version_0_with_the_versions_there_are()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = gateway.Connect();
        byte[] versionNinetyNine = [0, 0, 0, 12, 0, 18, 0, 99, 0, 0, 0, 8, 0xFF, 0xFF, 1, 2];
        await client.SendAsync(versionNinetyNine);
        var (id, response) = await client.ReceiveAsync<ApiVersionsResponse>(0);
        id.ShouldBe(8);
        response.ErrorCode.ShouldBe(ErrorCode.UnsupportedVersion);
        response.ApiKeys.Select(api => (api.ApiKey, api.MinVersion, api.MaxVersion)).ShouldBe([((short)18, (short)0, (short)4)]);
        await client.SendAsync(RawClient.Frame(new ApiVersionsRequest(), 0, 9));
        (await client.ReceiveCorrelationIdAsync()).ShouldBe(9);
    }

    [Fact]
    public async Task A_software_name_that_could_spoil_logs_is_refused()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var client = gateway.Connect();
        await client.SendAsync(RawClient.Frame(new ApiVersionsRequest { ClientSoftwareName = "a\nb", ClientSoftwareVersion = "1" }, 3, 1));
        (await client.ReceiveAsync<ApiVersionsResponse>(3)).Response.ErrorCode.ShouldBe(ErrorCode.InvalidRequest);
    }
}
