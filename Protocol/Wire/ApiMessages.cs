namespace Loire.Protocol.Wire;

/// <summary>The two messages of an API. They share their versions.</summary>
public sealed record ApiMessages(ApiKey ApiKey, MessageInfo Request, MessageInfo Response)
{
    /// <summary>The version of the request header before a request of this API.</summary>
    public short RequestHeaderVersion(short version) => (short)(Request.IsFlexible(version) ? 2 : 1);

    /// <summary>The version of the response header. ApiVersions stays at 0, so that a client can read the answer to a
    /// version that the broker lacks (KIP-511).</summary>
    public short ResponseHeaderVersion(short version) =>
        (short)(Response.IsFlexible(version) && ApiKey != ApiKey.ApiVersions ? 1 : 0);
}
