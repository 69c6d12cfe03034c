using System.Buffers;
using System.Buffers.Binary;

namespace Loire.Broker.Gateway;

/// <summary>Reads the start of a frame.
/// <code>
/// +-----------------+---------------+---------------+-----------------------+-------------------------------+
/// | size (4)        | api key (2)   | version (2)   | correlation id (4)    | client id, tags, body         |
/// +-----------------+---------------+---------------+-----------------------+-------------------------------+
/// |&lt;---- prefix ---&gt;|&lt;------------------------------- size bytes ----------------------------------------&gt;|
/// </code></summary>
internal static class FrameHeader
{
    public const int PrefixBytes = 4;

    /// <summary>Where the api key ends.</summary>
    public const int ApiKeyEnd = PrefixBytes + sizeof(short);

    /// <summary>Api key, version and correlation id: what the shortest request has.</summary>
    public const int SizeBytesMin = 8;

    /// <param name="start">At least <see cref="PrefixBytes"/> bytes.</param>
    /// <exception cref="ConnectionRefusedException">No frame starts like this.</exception>
    public static int ReadSize(in ReadOnlySequence<byte> start, int sizeBytesMax)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        start.Slice(0, PrefixBytes).CopyTo(prefix);
        var size = BinaryPrimitives.ReadInt32BigEndian(prefix);
        if (size >= SizeBytesMin && size <= sizeBytesMax) return size;
        throw new ConnectionRefusedException(CloseReason.MalformedFrame, Explain(prefix, size, sizeBytesMax));
    }

    /// <param name="start">At least <see cref="ApiKeyEnd"/> bytes.</param>
    public static short ReadApiKey(in ReadOnlySequence<byte> start)
    {
        Span<byte> key = stackalloc byte[sizeof(short)];
        start.Slice(PrefixBytes, sizeof(short)).CopyTo(key);
        return BinaryPrimitives.ReadInt16BigEndian(key);
    }

    private static string Explain(ReadOnlySpan<byte> prefix, int size, int sizeBytesMax)
    {
        if (prefix[0] == 0x16 && prefix[1] == 0x03)
            return "it starts a TLS handshake; this listener speaks the Kafka protocol without TLS (security.protocol=PLAINTEXT)";
        if (!prefix.ContainsAnyExceptInRange((byte)' ', (byte)'z'))
            return $"it starts with the text \"{System.Text.Encoding.ASCII.GetString(prefix)}\"; this listener speaks the Kafka protocol";
        return size > sizeBytesMax
            ? $"it announces a frame of {size} bytes; socket.request.max.bytes is {sizeBytesMax}"
            : $"it announces a frame of {size} bytes; a request has at least {SizeBytesMin}";
    }
}
