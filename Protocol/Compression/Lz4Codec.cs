using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Loire.Protocol.Records;

namespace Loire.Protocol.Compression;

/// <summary>The LZ4 frame format by liblz4. Frames are written as the Java client writes them: independent blocks of
/// 64 KiB, neither content size nor checksums; all of these are understood when reading.</summary>
internal static unsafe partial class Lz4Codec
{
    private const string Library = "liblz4.so.1";
    private const int FrameVersion = 100;
    private const int ReadSize = 64 * 1024;

    [ThreadStatic]
    private static Decoder? _decoder;

    public static void Compress(ReadOnlySpan<byte> input, PooledBuffer output)
    {
        var preferences = new Preferences { BlockSizeId = 4, BlockMode = 1 };
        try
        {
            var target = output.GetSpan(checked((int)LZ4F_compressFrameBound((nuint)input.Length, preferences)));
            fixed (byte* source = input, destination = target)
            {
                var size = LZ4F_compressFrame(destination, (nuint)target.Length, source, (nuint)input.Length, preferences);
                if (LZ4F_isError(size) != 0)
                    throw new CompressionException("lz4 cannot compress the records: " + ErrorName(size));
                output.Advance((int)size);
            }
        }
        catch (DllNotFoundException exception)
        {
            throw new CodecUnavailableException(CompressionCodec.Lz4, Library, "liblz4-1", exception);
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
            throw new CodecUnavailableException(CompressionCodec.Lz4, Library, "liblz4-1", exception);
        }
    }

    private static string ErrorName(nuint code) => Marshal.PtrToStringUTF8((nint)LZ4F_getErrorName(code)) ?? "unknown error";

    [StructLayout(LayoutKind.Sequential)]
    private struct Preferences
    {
        public int BlockSizeId;
        public int BlockMode;
        public int ContentChecksum;
        public int FrameType;
        public ulong ContentSize;
        public uint DictionaryId;
        public int BlockChecksum;
        public int CompressionLevel;
        public uint AutoFlush;
        public uint FavorDecompressionSpeed;
        public uint Reserved1;
        public uint Reserved2;
        public uint Reserved3;
    }

    private sealed class Decoder : FrameDecoder
    {
        public Decoder()
            : base(CompressionCodec.Lz4, ReadSize)
        {
            Debug.Assert(sizeof(Preferences) == 56, "LZ4F_preferences_t has 56 bytes.");
            var result = LZ4F_createDecompressionContext(out handle, FrameVersion);
            if (LZ4F_isError(result) != 0)
                throw new OutOfMemoryException("lz4 cannot create a decompression context: " + ErrorName(result));
        }

        protected override bool ReleaseHandle() => LZ4F_isError(LZ4F_freeDecompressionContext(handle)) == 0;

        protected override void Reset() => LZ4F_resetDecompressionContext(this);

        protected override nuint Decode(ReadOnlySpan<byte> input, Span<byte> output, out int consumed, out int produced)
        {
            nuint taken = (nuint)input.Length, given = (nuint)output.Length, expected;
            fixed (byte* source = input, destination = output)
                expected = LZ4F_decompress(this, destination, ref given, source, ref taken, 0);
            if (LZ4F_isError(expected) != 0)
                CompressionException.ThrowDamaged(CompressionCodec.Lz4, ErrorName(expected));
            (consumed, produced) = ((int)taken, (int)given);
            return expected;
        }
    }

    [LibraryImport(Library)]
    private static partial nuint LZ4F_compressFrameBound(nuint sourceSize, in Preferences preferences);

    [LibraryImport(Library)]
    private static partial nuint LZ4F_compressFrame(
        byte* destination, nuint capacity, byte* source, nuint sourceSize, in Preferences preferences);

    [LibraryImport(Library)]
    private static partial nuint LZ4F_createDecompressionContext(out nint context, uint version);

    [LibraryImport(Library)]
    private static partial nuint LZ4F_freeDecompressionContext(nint context);

    [LibraryImport(Library)]
    private static partial void LZ4F_resetDecompressionContext(Decoder context);

    [LibraryImport(Library)]
    private static partial nuint LZ4F_decompress(
        Decoder context, byte* destination, ref nuint capacity, byte* source, ref nuint sourceSize, nint options);

    [LibraryImport(Library)]
    private static partial uint LZ4F_isError(nuint code);

    [LibraryImport(Library)]
    private static partial byte* LZ4F_getErrorName(nuint code);
}
