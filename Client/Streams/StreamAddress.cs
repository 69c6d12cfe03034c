using System.Globalization;
using System.Text;

namespace Loire.Client;

/// <summary>Which stream a record belongs to.</summary>
internal static class StreamAddress
{
    public static string TopicOf(StreamId stream) => stream.Namespace.IsEmpty
        ? throw new ArgumentException($"Stream '{stream}' has no namespace: it is the topic to write to.", nameof(stream))
        : Encoding.UTF8.GetString(stream.Namespace.Span);

    /// <summary>Records without a key make up a stream for each partition, <c>partition-0</c> and so on.</summary>
    public static StreamId Of(string topic, int partition, ReadOnlyMemory<byte>? key) => key is { IsEmpty: false } bytes
        ? StreamId.Create(Encoding.UTF8.GetBytes(topic), bytes.Span)
        : StreamId.Create(topic, string.Create(CultureInfo.InvariantCulture, $"partition-{partition}"));
}
