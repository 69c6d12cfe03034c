using System.Diagnostics.CodeAnalysis;
using Loire.Protocol.Records;

namespace Loire.Protocol.Compression;

/// <summary>Compressed bytes are damaged, or decompress to more than is allowed.</summary>
public sealed class CompressionException : Exception
{
    public CompressionException(string message)
        : base(message)
    {
    }

    public CompressionException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The output limit was reached, as opposed to damaged input.</summary>
    public bool IsOverLimit { get; private init; }

    internal static CompressionException OverLimit(int limitSizeBytes) =>
        new($"The records decompress to more than the limit of {limitSizeBytes} bytes.") { IsOverLimit = true };

    [DoesNotReturn]
    internal static void ThrowDamaged(CompressionCodec codec, string what) =>
        throw new CompressionException($"The {codec.Name()} payload is damaged: {what}.");
}

/// <summary>The codec cannot be used here: its system library is not installed.</summary>
public sealed class CodecUnavailableException : Exception
{
    internal CodecUnavailableException(CompressionCodec codec, string library, string package, Exception cause)
        : base($"{codec.Name()} needs the library {library}, which is not installed (Debian package {package}).", cause)
    {
    }
}
