using System.Net;

namespace Loire.Broker.Handlers;

/// <summary>What a handler may know of a request besides its body.</summary>
/// <param name="ClientId">As the request header says; null where it says nothing.</param>
/// <param name="Aborted">Cancelled when the connection is gone: nobody waits for the answer.</param>
public sealed record RequestContext(
    short ApiVersion,
    int CorrelationId,
    string? ClientId,
    ClientConnection Connection,
    CancellationToken Aborted);

/// <summary>What is known of the client at the other end of a connection.</summary>
public sealed class ClientConnection
{
    public required string Id { get; init; }
    public EndPoint? RemoteEndPoint { get; init; }

    /// <summary>As ApiVersions said (KIP-511); "unknown" before.</summary>
    public string SoftwareName { get; set; } = "unknown";
    public string SoftwareVersion { get; set; } = "unknown";

    /// <summary>The host as Kafka prints it in group descriptions: a slash and the address.</summary>
    public string Host => RemoteEndPoint is IPEndPoint ip ? "/" + ip.Address : "/unknown";
}
