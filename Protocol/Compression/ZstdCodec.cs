using System.Buffers;
using System.Runtime.InteropServices;
using Loire.Protocol.Records;

namespace Loire.Protocol.Compression;

/// <summary>Standard zstd frames (RFC 8878) by libzstd, at its default level as the Java client.</summary>
internal static unsafe partial class ZstdCodec
{
    private const string Library = "libzstd.so.1";
    private const int DefaultLevel = 3;
    private const int ReadSize = 128 * 1024;

    /// <summary>Twice the window of the highest levels in common use. A frame may ask for 128 MB, which are not to stay with
    /// every thread.</summary>
    private const int KeptDecoderBytesMax = 16 << 20;

    [ThreadStatic]
    private static Compressor? _compressor;

    [ThreadStatic]
    private static Decoder? _decoder;

    public static void Compress(ReadOnlySpan<byte> input, PooledBuffer output)
    {
        try
        {
            var context = _compressor ??= new Compressor();
            var target = output.GetSpan(checked((int)ZSTD_compressBound((nuint)input.Length)));
            fixed (byte* source = input, destination = target)
            {
                var size = ZSTD_compressCCtx(
                    context, destination, (nuint)target.Length, source, (nuint)input.Length, DefaultLevel);
                if (ZSTD_isError(size) != 0)
                    throw new CompressionException("zstd cannot compress the records: " + ErrorName(size));
                output.Advance((int)size);
            }
        }
        catch (DllNotFoundException exception)
        {
            throw new CodecUnavailableException(CompressionCodec.Zstd, Library, "libzstd1", exception);
        }
    }

    public static void Decompress(in ReadOnlySequence<byte> input, PooledBuffer output)
    {
        try
        {
            (_decoder ??= new Decoder()).Run(input, output);
        }
        catch (DllNotFoundException exception)
        {
            throw new CodecUnavailableException(CompressionCodec.Zstd, Library, "libzstd1", exception);
        }
        finally
        {
            if (_decoder is { SizeBytes: > KeptDecoderBytesMax } large)
            {
                large.Dispose();
                _decoder = null;
            }
        }
    }

    private static string ErrorName(nuint code) => Marshal.PtrToStringUTF8((nint)ZSTD_getErrorName(code)) ?? "unknown error";

    private const int ResetSession = 1;

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer, which have the same layout.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Buffer
    {
        public byte* Bytes;
        public nuint Size;
        public nuint Position;
    }

    private sealed class Compressor : SafeHandle
    {
        public Compressor()
            : base(0, ownsHandle: true)
        {
            handle = ZSTD_createCCtx();
            if (IsInvalid)
                throw new OutOfMemoryException("zstd cannot create a compression context.");
        }

        public override bool IsInvalid => handle == 0;
        protected override bool ReleaseHandle() => ZSTD_isError(ZSTD_freeCCtx(handle)) == 0;
    }

    private sealed class Decoder : FrameDecoder
    {
        public Decoder()
            : base(CompressionCodec.Zstd, ReadSize)
        {
            handle = ZSTD_createDCtx();
            if (IsInvalid)
                throw new OutOfMemoryException("zstd cannot create a decompression context.");
        }

        public long SizeBytes => (long)ZSTD_sizeof_DCtx(this);

        protected override bool ReleaseHandle() => ZSTD_isError(ZSTD_freeDCtx(handle)) == 0;

        protected override void Reset() => _ = ZSTD_DCtx_reset(this, ResetSession);

        protected override nuint Decode(ReadOnlySpan<byte> input, Span<byte> output, out int consumed, out int produced)
        {
            nuint expected;
            fixed (byte* source = input, destination = output)
            {
                var from = new Buffer { Bytes = source, Size = (nuint)input.Length };
                var to = new Buffer { Bytes = destination, Size = (nuint)output.Length };
                expected = ZSTD_decompressStream(this, ref to, ref from);
                (consumed, produced) = ((int)from.Position, (int)to.Position);
            }
            if (ZSTD_isError(expected) != 0)
                CompressionException.ThrowDamaged(CompressionCodec.Zstd, ErrorName(expected));
            return expected;
        }
    }

    [LibraryImport(Library)]
    private static partial nint ZSTD_createCCtx();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_freeCCtx(nint context);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_compressBound(nuint sourceSize);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_compressCCtx(
        Compressor context, byte* destination, nuint capacity, byte* source, nuint sourceSize, int level);

    [LibraryImport(Library)]
    private static partial nint ZSTD_createDCtx();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_freeDCtx(nint context);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_sizeof_DCtx(Decoder context);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_DCtx_reset(Decoder context, int directive);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_decompressStream(Decoder context, ref Buffer output, ref Buffer input);

    [LibraryImport(Library)]
    private static partial uint ZSTD_isError(nuint code);

    [LibraryImport(Library)]
    private static partial byte* ZSTD_getErrorName(nuint code);
}
