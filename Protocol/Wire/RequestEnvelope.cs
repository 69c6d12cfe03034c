using Loire.Protocol.Messages;

namespace Loire.Protocol.Wire;

/// <summary>A request's header, read before its body: says which API, in which version, and how to answer.</summary>
/// <param name="Api">The API's messages.</param>
/// <param name="Version">As the client sent it: possibly one that the API does not have.</param>
public readonly record struct RequestEnvelope(ApiMessages Api, short Version, int CorrelationId, string? ClientId)
{
    /// <summary>The first eight bytes are the same in every header version.</summary>
    private const string Owner = "RequestHeader";

    /// <summary>Reads the header and leaves <paramref name="reader"/> at the body.</summary>
    /// <exception cref="WireFormatException">No header, or an API key that Kafka does not have: its header version,
    /// hence the request, cannot be known.</exception>
    public static RequestEnvelope Read(ref WireReader reader)
    {
        short key = reader.ReadInt16(Owner + ".RequestApiKey");
        short version = reader.ReadInt16(Owner + ".RequestApiVersion");
        int correlationId = reader.ReadInt32(Owner + ".CorrelationId");
        ApiMessages api = MessageCatalog.Find((ApiKey)key)
            ?? throw new WireFormatException($"{Owner}.RequestApiKey: there is no API {key}");
        if (version < 0) throw new WireFormatException($"{Owner}.RequestApiVersion: {version}");
        string? clientId = reader.ReadNullableString(flexible: false, Owner + ".ClientId");
        if (api.RequestHeaderVersion(version) >= 2) reader.SkipTags(Owner);
        return new RequestEnvelope(api, version, correlationId, clientId);
    }

    /// <summary>The bytes of the header before this request's answer.</summary>
    public int ResponseHeaderSizeBytes => sizeof(int) + Api.ResponseHeaderVersion(Version);

    /// <summary>Writes the header before this request's answer.</summary>
    public void WriteResponseHeader(ref WireWriter writer)
    {
        writer.WriteInt32(CorrelationId);
        if (Api.ResponseHeaderVersion(Version) >= 1) writer.WriteUVarint(0);
    }
}
