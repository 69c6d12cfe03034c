using System.CommandLine.Parsing;
using System.Globalization;
using Loire.Protocol;
using Loire.Protocol.Client;

namespace Loire.Cli.Shared;

/// <summary>A place in a partition as a user names it: beginning, end, an offset or a time.</summary>
/// <param name="TimestampMs">Milliseconds since 1970, or a ListOffsets code; null where an offset is given.</param>
/// <param name="RecordsBefore">So many offsets before that place, but not before the log's start.</param>
internal sealed record OffsetSpec(Offset Offset, long? TimestampMs, long RecordsBefore = 0)
{
    public const string Help = "'beginning', 'end', an offset, -N for N before the end, or a time such as 2026-05-01T12:00:00Z";

    public static OffsetSpec Beginning { get; } = new(Offset.None, OffsetQueries.Earliest);
    public static OffsetSpec End { get; } = new(Offset.None, OffsetQueries.Latest);

    /// <summary>As a user would write it: help shows it as the default.</summary>
    public override string ToString() => TimestampMs switch
    {
        OffsetQueries.Latest when RecordsBefore > 0 => string.Create(CultureInfo.InvariantCulture, $"-{RecordsBefore}"),
        OffsetQueries.Earliest => "beginning",
        OffsetQueries.Latest => "end",
        { } time => DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("O", CultureInfo.InvariantCulture),
        null => Offset.ToString(),
    };

    /// <summary>For an option's or argument's custom parser.</summary>
    public static OffsetSpec? Parse(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value;
        if (TryParse(text) is { } spec)
            return spec;
        result.AddError($"'{text}' is no place in a log; give {Help}.");
        return null;
    }

    public static OffsetSpec? TryParse(string text)
    {
        if (text is "beginning" or "earliest")
            return Beginning;
        if (text is "end" or "latest")
            return End;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
            return new OffsetSpec(new Offset(offset), null);
        if (text.StartsWith('-') && long.TryParse(text.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var back))
            return End with { RecordsBefore = back };
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, Utc, out var time)
            ? new OffsetSpec(Offset.None, time.ToUnixTimeMilliseconds())
            : null;
    }

    public async Task<Dictionary<TopicPartition, Offset>> ResolveAsync(
        KafkaClient client, IReadOnlyCollection<TopicPartition> partitions, CancellationToken cancellationToken)
    {
        if (TimestampMs is not { } time)
            return partitions.ToDictionary(partition => partition, _ => Offset);
        var places = await client.ListOffsetsAsync(partitions, time, cancellationToken);
        if (RecordsBefore == 0)
            return places;
        var starts = await client.ListOffsetsAsync(partitions, OffsetQueries.Earliest, cancellationToken);
        return places.ToDictionary(place => place.Key, place => Offset.Max(place.Value + -RecordsBefore, starts[place.Key]));
    }
}
