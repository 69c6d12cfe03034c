using System.Buffers;
using System.Reflection;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Tests.Protocol;

/// <summary>Reads and writes any message by its name, as the dispatcher does by its type.</summary>
internal static class MessageCodec
{
    private delegate IMessage Reader(ReadOnlySequence<byte> bytes, short version);

    private static readonly Dictionary<string, Reader> Readers = MessageCatalog.Messages.ToDictionary(
        m => m.Name,
        m => typeof(MessageCodec).GetMethod(nameof(ReadOne), BindingFlags.Static | BindingFlags.NonPublic)!
            .MakeGenericMethod(typeof(MessageCatalog).Assembly.GetType($"Loire.Protocol.Messages.{m.Name}", throwOnError: true)!)
            .CreateDelegate<Reader>());

    public static IMessage Read(string message, ReadOnlySequence<byte> bytes, short version) => Readers[message](bytes, version);

    public static IMessage Read(string message, byte[] bytes, short version) =>
        Read(message, new ReadOnlySequence<byte>(bytes), version);

    public static byte[] Write(IMessage message, short version)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new WireWriter(output);
        message.Write(ref writer, version);
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The same bytes in segments whose lengths <paramref name="nextLength"/> gives.</summary>
    public static ReadOnlySequence<byte> Cut(byte[] bytes, Func<int> nextLength)
    {
        var first = new Segment(ReadOnlyMemory<byte>.Empty, null);
        Segment last = first;
        for (int at = 0; at < bytes.Length;)
        {
            int length = Math.Min(Math.Max(1, nextLength()), bytes.Length - at);
            last = new Segment(bytes.AsMemory(at, length), last);
            at += length;
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private static TMessage ReadOne<TMessage>(ReadOnlySequence<byte> bytes, short version)
        where TMessage : class, IMessage<TMessage>
    {
        var reader = new WireReader(bytes);
        TMessage message = TMessage.Read(ref reader, version);
        reader.EnsureEnd(TMessage.Info.Name);
        return message;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null) return;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }
}
