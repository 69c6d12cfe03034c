namespace Loire.Broker.Handlers;

/// <summary>What one request may cost before anybody has looked at it. Decoded, a hostile message takes up to 64 times its
/// bytes.</summary>
public static class RequestLimits
{
    /// <summary>The largest frame of a request without records: an OffsetCommit or a Fetch of 100,000 partitions takes less
    /// than half. What carries records may have socket.request.max.bytes.</summary>
    public const int FrameBytesMax = 8 << 20;

    /// <summary>Elements of all arrays of a request together.</summary>
    public const int ElementsMax = 500_000;
}
