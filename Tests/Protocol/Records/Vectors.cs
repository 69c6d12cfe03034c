using System.Buffers;
using System.Text.Json;
using Shouldly;

namespace Loire.Tests.Protocol.Records;

/// <summary>The checked-in batches: published vectors and what real clients were recorded to send.</summary>
internal static class Vectors
{
    public static JsonElement Json(string name) => JsonDocument.Parse(Text(name)).RootElement;

    public static byte[] Golden(string name) => Convert.FromHexString(Text(name + ".hex").Trim());

    public static byte[] Hex(this JsonElement element, string property) =>
        Convert.FromHexString(element.GetProperty(property).GetString()!);

    /// <summary>The same bytes in segments of the given length, some of them empty.</summary>
    public static ReadOnlySequence<byte> Cut(byte[] bytes, int segmentLength)
    {
        var first = new Segment(ReadOnlyMemory<byte>.Empty, null);
        var last = first;
        for (var i = 0; i < bytes.Length; i += segmentLength)
            last = new Segment(bytes.AsMemory(i, Math.Min(segmentLength, bytes.Length - i)), last);
        last = new Segment(ReadOnlyMemory<byte>.Empty, last);
        return new ReadOnlySequence<byte>(first, 0, last, 0);
    }

    private static string Text(string name)
    {
        using var stream = typeof(Vectors).Assembly.GetManifestResourceStream(name).ShouldNotBeNull(name);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null)
                return;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }
}
