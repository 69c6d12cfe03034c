namespace Loire.Broker.Gateway;

/// <summary>Limits of the gateway that Kafka has no names for; those it has are in
/// <see cref="Ports.BrokerConfig"/>.</summary>
public sealed record GatewayOptions
{
    /// <summary>Requests of one connection that wait for their answer before the next one is read. Clients send five at
    /// most by default.</summary>
    public int RequestsInFlightMax { get; init; } = 64;

    /// <summary>Bytes of requests held at a time over all connections where queued.max.request.bytes says
    /// nothing; what the system takes in ahead of us, 2 MB a connection at most, comes on top.</summary>
    public long QueuedRequestBytesMax { get; init; } = 256 << 20;

    /// <summary>Frames up to this size are not counted against the bytes held at a time.</summary>
    public int SmallFrameBytes { get; init; } = 64 << 10;

    /// <summary>How long a frame, or each 2 MB of a larger one, may take from the first byte to the last, besides the time
    /// they take at <see cref="RateMinBytesPerSecond"/>.</summary>
    public int ReceiveTimeoutMs { get; init; } = 30_000;

    /// <summary>How long a client may leave its answers unread, besides the time their size takes at
    /// <see cref="RateMinBytesPerSecond"/>.</summary>
    public int SendTimeoutMs { get; init; } = 60_000;

    /// <summary>A client that sends or reads slower than this is cut off in the end.</summary>
    public int RateMinBytesPerSecond { get; init; } = 64 << 10;

    /// <summary>What requests that wait (Fetch, JoinGroup) get to finish when the broker stops.</summary>
    public int StopGraceMs { get; init; } = 250;

    internal long ReceiveTimeMaxMs(long sizeBytes) => ReceiveTimeoutMs + TransferTimeMaxMs(sizeBytes);

    internal long SendTimeMaxMs(long sizeBytes) => SendTimeoutMs + TransferTimeMaxMs(sizeBytes);

    private long TransferTimeMaxMs(long sizeBytes) => sizeBytes * 1000 / RateMinBytesPerSecond;
}
