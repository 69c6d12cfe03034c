using System.Buffers;
using System.Collections.Immutable;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Compression;
using Loire.Protocol.Records;

namespace Loire.Broker.Partitions;

/// <summary>A batch that may be appended: its header, whose offset and leader epoch are still to be assigned, and the
/// bytes after it.</summary>
internal readonly record struct IntakeBatch(RecordBatchHeader Header, ReadOnlySequence<byte> Records);

/// <summary>Checks what was sent to a partition against the format and the topic's settings, and brings it into the form
/// the topic keeps. Needs no lock.</summary>
internal static class BatchIntake
{
    /// <summary>A batch with many bad records names no more of them than these (KIP-467).</summary>
    private const int MaxRecordErrors = 3;

    /// <summary>Records that inflate to no more than this are looked into at once, beyond it in their turn.</summary>
    public const int FreelyInflatedBytesMax = 16 << 20;

    /// <summary>The turn to inflate more: a batch of 30 KB may inflate to 256 MB, and as many of these at once as there are
    /// connections would take all the memory.</summary>
    public static readonly SemaphoreSlim InflationTurn = new(1, 1);

    /// <summary>As <see cref="Check"/>, at once.</summary>
    /// <returns>False where the records inflate to more than <see cref="FreelyInflatedBytesMax"/>: they are to be checked in
    /// their turn, by <see cref="CheckInTurnAsync"/>.</returns>
    public static bool TryCheck(
        in ReadOnlySequence<byte> sent,
        TopicConfig config,
        int limitSizeBytes,
        long nowMs,
        out IntakeBatch batch,
        out AppendResult? refused)
    {
        refused = CheckWithin(sent, config, limitSizeBytes, FreelyInflatedBytesMax, nowMs, out batch, out var inflatesToMore);
        return !inflatesToMore;
    }

    /// <summary>As <see cref="Check"/>, when no other batch inflates to so much.</summary>
    public static async ValueTask<(IntakeBatch Batch, AppendResult? Refused)> CheckInTurnAsync(
        ReadOnlySequence<byte> sent, TopicConfig config, int limitSizeBytes, long nowMs, CancellationToken cancellationToken)
    {
        await InflationTurn.WaitAsync(cancellationToken);
        try
        {
            var refused = Check(sent, config, limitSizeBytes, nowMs, out var batch);
            return (batch, refused);
        }
        finally
        {
            InflationTurn.Release();
        }
    }

    /// <param name="sent">What the records field held; the batch given back refers to it.</param>
    /// <param name="limitSizeBytes">What the log can take; the topic's limit counts where it is lower.</param>
    /// <returns>What is wrong with it; null where it may be appended.</returns>
    public static AppendResult? Check(
        in ReadOnlySequence<byte> sent, TopicConfig config, int limitSizeBytes, long nowMs, out IntakeBatch batch) =>
        CheckWithin(sent, config, limitSizeBytes, RecordReader.DefaultLimitSizeBytes, nowMs, out batch, out _);

    private static AppendResult? CheckWithin(
        in ReadOnlySequence<byte> sent,
        TopicConfig config,
        int limitSizeBytes,
        int inflatedBytesMax,
        long nowMs,
        out IntakeBatch batch,
        out bool inflatesToMore)
    {
        batch = default;
        inflatesToMore = false;
        var limit = Math.Min(config.MaxMessageBytes, limitSizeBytes);
        if (sent.Length > limit) return TooLarge(sent.Length, limit);

        var status = RecordBatchValidator.Validate(sent, out var header, out var summary);
        var records = sent.Slice(Math.Min(sent.Length, RecordBatchHeader.SizeBytes));
        if (status == RecordBatchStatus.Valid && header.Codec != CompressionCodec.None)
        {
            status = RecordBatchValidator.ValidateRecords(header, records, inflatedBytesMax, out summary);
            inflatesToMore = status == RecordBatchStatus.DecompressedTooLarge;
        }

        if (status != RecordBatchStatus.Valid) return Refused(status.ToErrorCode(), status.Describe());
        if (header.IsTransactional)
        {
            return Refused(ErrorCode.InvalidTxnState, "This broker does not support transactions.");
        }

        if (CheckRecords(header, records, config, nowMs, summary) is { } refused) return refused;
        var codec = config.Compression ?? header.Codec;
        if (codec != header.Codec || !summary.OffsetDeltasCountUp)
        {
            if (Recompress(ref header, ref records, codec, !summary.OffsetDeltasCountUp, limit) is { } failed) return failed;
        }

        if (config.LogAppendTime || !summary.HeaderMaxTimestampIsRight)
        {
            header = WithTimestamps(header, config.LogAppendTime, nowMs, summary.MaxTimestampMs);
        }

        batch = new IntakeBatch(header, records);
        return null;
    }

    private static AppendResult? CheckRecords(
        in RecordBatchHeader header, in ReadOnlySequence<byte> records, TopicConfig config, long nowMs, RecordsSummary summary)
    {
        if (config.Compact && summary.HasNullKey)
        {
            var errors = FindErrors(
                header, records, record => record.Key.IsNull ? "Compacted topic cannot accept message without key." : null);
            return Refused(ErrorCode.InvalidRecord, "A compacted topic takes no records without a key.", errors);
        }

        if (!config.LogAppendTime
            && !summary.TimestampsAreWithin(nowMs, config.TimestampBeforeMaxMs, config.TimestampAfterMaxMs))
        {
            var earliest = nowMs - config.TimestampBeforeMaxMs;
            var latest = config.TimestampAfterMaxMs > long.MaxValue - nowMs ? long.MaxValue : nowMs + config.TimestampAfterMaxMs;
            var errors = FindErrors(header, records, record =>
                record.TimestampMs != -1 && (record.TimestampMs < earliest || record.TimestampMs > latest)
                    ? $"Timestamp {record.TimestampMs} is outside [{earliest}, {latest}]."
                    : null);
            return Refused(ErrorCode.InvalidTimestamp, "Records have timestamps that the topic does not take.", errors);
        }

        return null;
    }

    private static AppendResult? Recompress(
        ref RecordBatchHeader header, ref ReadOnlySequence<byte> records, CompressionCodec codec, bool renumbers, int limit)
    {
        var output = new ArrayBufferWriter<byte>((int)records.Length + RecordBatchHeader.SizeBytes);
        try
        {
            RecordBatchRewriter.Recompress(header, records, codec, renumbers, RecordReader.DefaultLimitSizeBytes, output);
        }
        catch (CodecUnavailableException exception)
        {
            return Refused(ErrorCode.UnsupportedCompressionType, exception.Message);
        }

        if (output.WrittenCount > limit) return TooLarge(output.WrittenCount, limit);
        header = RecordBatchHeader.Read(output.WrittenSpan);
        records = new ReadOnlySequence<byte>(output.WrittenMemory[RecordBatchHeader.SizeBytes..]);
        return null;
    }

    private static RecordBatchHeader WithTimestamps(in RecordBatchHeader header, bool logAppendTime, long nowMs, long maxTimestampMs)
    {
        Span<byte> bytes = stackalloc byte[RecordBatchHeader.SizeBytes];
        header.Write(bytes);
        if (logAppendTime) RecordBatchRewriter.SetLogAppendTime(bytes, nowMs);
        else RecordBatchRewriter.SetMaxTimestamp(bytes, maxTimestampMs);
        return RecordBatchHeader.Read(bytes);
    }

    private static ImmutableArray<RecordError> FindErrors(
        in RecordBatchHeader header, in ReadOnlySequence<byte> records, Func<RecordView, string?> check)
    {
        var errors = ImmutableArray.CreateBuilder<RecordError>();
        using var reader = new RecordReader(header, records);
        for (var index = 0; errors.Count < MaxRecordErrors && reader.TryRead(out var record); index++)
        {
            if (check(record) is { } message) errors.Add(new RecordError(index, message));
        }

        return errors.ToImmutable();
    }

    private static AppendResult TooLarge(long sizeBytes, int limit) =>
        Refused(ErrorCode.MessageTooLarge, $"The record batch has {sizeBytes} bytes; max.message.bytes is {limit}.");

    private static AppendResult Refused(ErrorCode error, string message, ImmutableArray<RecordError> records = default) =>
        AppendResult.Failed(error, message, Offset.None) with { RecordErrors = records };
}
