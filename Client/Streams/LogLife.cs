using System.Globalization;
using Orleans.Providers.Streams.Common;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>As long as a partition's offsets mean the same records. It ends when the topic is deleted and created again, and
/// when an unclean election takes back what was read. Tokens bear its mark, or a consumer would take the first event of the
/// new log for the last one that it had of the old.</summary>
/// <param name="Cuts">How often the log was found shorter than what had been read of it.</param>
internal readonly record struct LogLife(Guid TopicId, int Cuts)
{
    /// <summary>Never 0: the tokens that consumers make of an offset have no mark.</summary>
    public int Mark => ((BitConverter.ToInt32(TopicId.ToByteArray()) + Cuts) & int.MaxValue) | (1 << 30);

    public LogLife Next => this with { Cuts = Cuts + 1 };

    public static StreamSequenceToken TokenOf(long offset, int mark) => new EventSequenceTokenV2(offset, mark);

    public static bool IsOf(StreamSequenceToken token, int mark) => token.EventIndex == 0 || token.EventIndex == mark;

    /// <returns>Null where the text is none.</returns>
    public static LogLife? Parse(string text)
    {
        var parts = text.Split('/');
        return parts.Length == 2 && Guid.TryParseExact(parts[0], "N", out var topicId)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var cuts)
            ? new LogLife(topicId, cuts)
            : null;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{TopicId:N}/{Cuts}");
}
