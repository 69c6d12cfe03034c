using System.Buffers;
using System.Collections.Frozen;
using Loire.Broker.Handlers;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Broker.Gateway;

/// <summary>Finds the handler of a request. The list of handlers is what the broker serves; everything else that says
/// which APIs and versions there are derives from it.</summary>
public sealed class RequestDispatcher
{
    private readonly FrozenDictionary<short, Api> _apis;
    private readonly Api _versionMismatch;

    public RequestDispatcher(IReadOnlyCollection<IRequestHandler> handlers)
    {
        var apiVersions = new ApiVersionsHandler(handlers);
        _apis = handlers.Append(apiVersions).ToFrozenDictionary(handler => (short)handler.ApiKey, Describe);
        _versionMismatch = Describe(new ApiVersionsHandler.VersionMismatch(apiVersions));
    }

    /// <summary>Refuses a frame that is larger than a request of its API needs to be, before it is taken in.</summary>
    /// <exception cref="ConnectionRefusedException">It is, or nobody serves the API.</exception>
    internal void CheckFrameSize(short key, int sizeBytes)
    {
        var api = Find(key);
        if (sizeBytes > api.Handler.FrameBytesMax)
        {
            throw new ConnectionRefusedException(
                CloseReason.MalformedFrame,
                $"it announces a {api.Name} request of {sizeBytes} bytes; {api.Handler.FrameBytesMax} are the most for this API");
        }
    }

    /// <summary>Decodes a request's header and finds who serves it.</summary>
    /// <exception cref="ConnectionRefusedException">Nobody does.</exception>
    /// <exception cref="WireFormatException">The header is malformed.</exception>
    internal Request Decode(in ReadOnlySequence<byte> frame)
    {
        var reader = new WireReader(frame);
        var key = reader.ReadInt16("RequestHeader.RequestApiKey");
        var version = reader.ReadInt16("RequestHeader.RequestApiVersion");
        var correlationId = reader.ReadInt32("RequestHeader.CorrelationId");
        var api = Find(key);
        if (version < api.Handler.LowestVersion || version > api.Handler.HighestVersion)
        {
            if (api.Handler.ApiKey == ApiKey.ApiVersions)
                return new Request(_versionMismatch, 0, correlationId, null, ReadOnlySequence<byte>.Empty);
            throw new ConnectionRefusedException(
                CloseReason.UnsupportedApi,
                $"it asks for version {version} of {api.Name}; served are {api.Handler.LowestVersion} to {api.Handler.HighestVersion}");
        }

        var clientId = reader.ReadNullableString(flexible: false, "RequestHeader.ClientId");
        if (api.Messages.RequestHeaderVersion(version) >= 2) reader.SkipTags("RequestHeader");
        return new Request(api, version, correlationId, clientId, frame.Slice(reader.Consumed));
    }

    private Api Find(short key) => _apis.TryGetValue(key, out var api)
        ? api
        : throw new ConnectionRefusedException(CloseReason.UnsupportedApi, $"it asks for API {Name(key)}, which is not served here");

    private static Api Describe(IRequestHandler handler) =>
        new(handler.ApiKey.ToString(), handler, MessageCatalog.Find(handler.ApiKey)!);

    private static string Name(short key) =>
        Enum.IsDefined((ApiKey)key) ? $"{(ApiKey)key} ({key})" : key.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>An API as it is served here.</summary>
internal sealed record Api(string Name, IRequestHandler Handler, ApiMessages Messages);

/// <summary>A request whose header is decoded. The body is a slice of the frame.</summary>
internal readonly record struct Request(
    Api Api, short Version, int CorrelationId, string? ClientId, ReadOnlySequence<byte> Body);
