using Loire.Embedded;

namespace Loire.Grains.Hosting;

/// <summary>What the broker of a silo is told.</summary>
public sealed record LoireSiloOptions
{
    /// <summary>The node id names the silo, too: <c>broker-1</c>. With port 0 the broker takes a free one.</summary>
    public BrokerOptions Broker { get; init; } = new();
}
