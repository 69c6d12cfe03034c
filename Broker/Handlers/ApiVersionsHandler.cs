using System.Text.RegularExpressions;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>ApiVersions, versions 0 to 4: which APIs and versions this broker serves, derived from its handlers.
/// <para>Deviates from Kafka: no features are announced, supported or finalized. Clients read their absence as: no
/// transactions of the second version, no group protocol that needs one.</para></summary>
public sealed partial class ApiVersionsHandler : RequestHandler<ApiVersionsRequest, ApiVersionsResponse>
{
    private readonly ApiVersionsResponse _answer;

    /// <param name="others">Every handler but this one.</param>
    public ApiVersionsHandler(IEnumerable<IRequestHandler> others)
    {
        _answer = new ApiVersionsResponse
        {
            ApiKeys = [.. others.Append(this).OrderBy(handler => handler.ApiKey).Select(Range)],
        };
    }

    public override ValueTask<ApiVersionsResponse> HandleAsync(RequestContext context, ApiVersionsRequest request)
    {
        if (context.ApiVersion < 3) return new(_answer);
        if (!SoftwareName().IsMatch(request.ClientSoftwareName) || !SoftwareName().IsMatch(request.ClientSoftwareVersion))
            return new(new ApiVersionsResponse { ErrorCode = ErrorCode.InvalidRequest });
        context.Connection.SoftwareName = request.ClientSoftwareName;
        context.Connection.SoftwareVersion = request.ClientSoftwareVersion;
        return new(_answer);
    }

    private static ApiVersionsResponse.ApiVersion Range(IRequestHandler handler) => new()
    {
        ApiKey = (short)handler.ApiKey,
        MinVersion = handler.AdvertisedLowestVersion,
        MaxVersion = handler.HighestVersion,
    };

    /// <summary>What KIP-511 allows a client to call itself: it ends up in logs and metrics.</summary>
    [GeneratedRegex(@"\A[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?\z", RegexOptions.NonBacktracking)]
    private static partial Regex SoftwareName();

    /// <summary>Answers an ApiVersions request of a version that is not served: the layout of version 0, which every
    /// client reads, with the versions it may ask again with (KIP-511).</summary>
    internal sealed class VersionMismatch(ApiVersionsHandler handler) : RequestHandler<ApiVersionsRequest, ApiVersionsResponse>
    {
        public override ValueTask<ApiVersionsResponse> HandleAsync(RequestContext context, ApiVersionsRequest request) =>
            new(new ApiVersionsResponse { ErrorCode = ErrorCode.UnsupportedVersion, ApiKeys = [Range(handler)] });
    }
}
