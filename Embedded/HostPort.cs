using System.Globalization;
using System.Net;

namespace Loire.Embedded;

/// <summary>An address as people write it: HOST:PORT, with an IPv6 address in brackets. The host may be a name, an address,
/// or * for all addresses of the machine.</summary>
public sealed record HostPort(string Host, int Port)
{
    private const string AllAddresses = "*";

    /// <summary>All addresses of the machine: something to listen on, nothing to connect to.</summary>
    public bool IsEveryAddress =>
        Host == AllAddresses
        || (IPAddress.TryParse(Host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)));

    /// <exception cref="FormatException">It is none; the message says what is wrong.</exception>
    public static HostPort Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? "" : text[..colon].Trim('[', ']');
        if (host.Length == 0 || (host.Contains(':', StringComparison.Ordinal) && text[0] != '['))
            throw new FormatException($"'{text}' is not HOST:PORT, for example localhost:9092");
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port > IPEndPoint.MaxPort)
        {
            throw new FormatException($"'{text}' has no port from 0 to {IPEndPoint.MaxPort} after the colon");
        }

        return new HostPort(host, port);
    }

    /// <summary>The addresses to listen on. Port 0 asks the system for a free port, which one address only can get.</summary>
    /// <exception cref="FormatException">No address of the name is known.</exception>
    public IReadOnlyList<IPEndPoint> Resolve()
    {
        if (Host == AllAddresses) return [new IPEndPoint(IPAddress.IPv6Any, Port)];
        if (IPAddress.TryParse(Host, out var address)) return [new IPEndPoint(address, Port)];
        try
        {
            var endPoints = Dns.GetHostAddresses(Host).Distinct().Select(found => new IPEndPoint(found, Port)).ToList();
            return Port == 0 ? endPoints[..1] : endPoints;
        }
        catch (System.Net.Sockets.SocketException unknown)
        {
            throw new FormatException($"no address of the host '{Host}' is known: {unknown.Message}", unknown);
        }
    }

    public override string ToString() =>
        Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
