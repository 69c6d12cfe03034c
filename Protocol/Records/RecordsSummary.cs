namespace Loire.Protocol.Records;

/// <summary>What a walk over a batch's records found out.</summary>
public readonly record struct RecordsSummary
{
    /// <summary>The smallest record time but -1; <see cref="long.MaxValue"/> where no record has a time.</summary>
    public long MinTimestampMs { get; init; }

    /// <summary>The largest record time; -1 where no record has a time.</summary>
    public long MaxTimestampMs { get; init; }

    /// <summary>A record has no key, which compacted topics refuse.</summary>
    public bool HasNullKey { get; init; }

    /// <summary>Whether the records' offset deltas are 0, 1, 2 ...</summary>
    public bool OffsetDeltasCountUp { get; init; }

    /// <summary>Whether the header's maxTimestamp is what the records say; where it is not, the broker corrects it.</summary>
    public bool HeaderMaxTimestampIsRight { get; init; }

    /// <summary>Whether every record's time lies within message.timestamp.before.max.ms and
    /// message.timestamp.after.max.ms of <paramref name="nowMs"/>; records without a time pass.</summary>
    public bool TimestampsAreWithin(long nowMs, long beforeMaxMs, long afterMaxMs) =>
        MinTimestampMs >= nowMs - beforeMaxMs && (afterMaxMs > long.MaxValue - nowMs || MaxTimestampMs <= nowMs + afterMaxMs);
}
