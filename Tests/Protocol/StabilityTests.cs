using System.Text.Json;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol;

/// <summary>Numbers that clients know by heart, held against a list that no code derives from.</summary>
public class StabilityTests
{
    private static readonly JsonElement Frozen =
        JsonDocument.Parse(Repository.Read("Tests/Protocol/Vectors/frozen.json")).RootElement;

    [Fact]
    public void Error_codes_stay_what_they_are() =>
        Enum.GetValues<ErrorCode>().Order().Select(c => $"{c} {(short)c}").ShouldBe(
            Frozen.GetProperty("errorCodes").EnumerateObject().Select(p => $"{p.Name} {p.Value}"));

    [Fact]
    public void Api_keys_and_versions_stay_what_they_are() =>
        MessageCatalog.Apis.Select(a => a.Request).Select(r =>
            $"{r.ApiKey} {(short)r.ApiKey!} {r.LowestVersion}-{r.HighestVersion}").ShouldBe(
            Frozen.GetProperty("apis").EnumerateObject().Select(p =>
                $"{p.Name} {p.Value.GetProperty("key")} {p.Value.GetProperty("lowest")}-{p.Value.GetProperty("highest")}"));

    [Fact]
    public void Every_api_key_has_a_request_and_a_response_of_the_same_versions()
    {
        MessageCatalog.Apis.Select(a => a.ApiKey).ShouldBe(Enum.GetValues<ApiKey>());
        MessageCatalog.Apis.ShouldAllBe(a =>
            a.Request.LowestVersion == a.Response.LowestVersion && a.Request.HighestVersion == a.Response.HighestVersion
            && a.Request.FlexibleFrom == a.Response.FlexibleFrom && a.Response.ApiKey == a.ApiKey);
    }
}
