using System.Globalization;
using Loire.Grains.Interfaces;
using Microsoft.Extensions.Logging;

namespace Loire.Client;

internal sealed partial class PartitionSender
{
    private string Place => string.Create(CultureInfo.InvariantCulture, $"Producing to {_topic}-{_partition}");

    /// <returns>The first record's offset; -1 where the batch was there already and the leader no longer knows where.</returns>
    /// <exception cref="LoireException">The batch was refused, or not acknowledged in time.</exception>
    private async Task<long> DeliverAsync(ProduceBatch batch)
    {
        var count = batch.RecordsCount;
        if (_options.IsIdempotent && _producerId is null)
            await StartSequenceAsync();
        var bytes = batch.Build(_producerId ?? -1, _nextSequence);
        for (var backoff = default(Backoff); ;)
        {
            var (error, reason, offset) = await TryAppendAsync(bytes);
            if (error != ErrorCode.None)
                batch.DisownBytes();
            switch (error)
            {
                case ErrorCode.None or ErrorCode.DuplicateSequenceNumber:
                    _nextSequence = (int)(((long)_nextSequence + count) & int.MaxValue);
                    return offset;
                case ErrorCode.OutOfOrderSequenceNumber or ErrorCode.UnknownProducerId when _options.IsIdempotent:
                    // The leader took none of it and does not know what came before, after an unclean election.
                    await StartSequenceAsync();
                    bytes = ProduceBatch.Restamp(bytes, _producerId!.Value);
                    break;
                case ErrorCode.UnknownTopicOrPartition
                    when await _context.Topics.RefreshAsync(_topic, CancellationToken.None) is null:
                    throw Failures.UnknownTopic(_topic);
                case var _ when !Failures.MayPass(error):
                    throw error.ToException(Place, reason);
            }
            if (_context.Time.GetElapsedTime(batch.StartedTimestamp) >= _options.DeliveryTimeout)
            {
                throw ErrorCode.RequestTimedOut.ToException(Place, string.Create(
                    CultureInfo.InvariantCulture,
                    $"not acknowledged within {_options.DeliveryTimeout.TotalSeconds} s; the last failure was {error}: {reason}"));
            }
            LoireClientTelemetry.RepeatedSends.Add(1, LoireClientTelemetry.Topic(_topic));
            LogRepeated(_context.Logger, _topic, _partition, backoff.Attempts + 1, error, reason);
            await Task.Delay(backoff.Next(), _context.Time);
        }
    }

    /// <summary>The batch is settled when it is on its way. The next one waits for its answer all the same, so that the order
    /// holds.</summary>
    private async Task SendUnacknowledgedAsync(ProduceBatch batch)
    {
        var count = batch.RecordsCount;
        var bytes = batch.Build(producerId: -1, baseSequence: -1);
        batch.DisownBytes();
        var answer = TryAppendAsync(bytes);
        Settle(batch, offset: -1, failure: null);

        // The batch is another's by now: what goes wrong from here on is not its failure.
        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var (error, reason, _) = answer.IsCompletedSuccessfully
            ? await answer
            : (ErrorCode.UnknownServerError, answer.Exception?.GetBaseException().Message, -1);
        var counter = error == ErrorCode.None ? LoireClientTelemetry.SentRecords : LoireClientTelemetry.FailedRecords;
        counter.Add(count, LoireClientTelemetry.Topic(_topic));
        if (error != ErrorCode.None)
            LogLost(_context.Logger, count, _topic, _partition, error, reason);
    }

    private async Task StartSequenceAsync()
    {
        _producerId = await _context.ProducerIds.NextAsync(CancellationToken.None);
        _nextSequence = 0;
    }

    private async Task<(ErrorCode Error, string? Reason, long Offset)> TryAppendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            // An answer comes in any case: without one nothing could be counted.
            var acks = _options.Acks == Acks.None ? Acks.Leader : _options.Acks;
            var request = new AppendRequest(bytes, (short)acks);
            var answer = await LeaderCall.RunAsync(
                _context, _topic, _partition, usual: TimeSpan.Zero, leader => leader.AppendAsync(request));
            return ((ErrorCode)answer.Error, answer.Message, answer.BaseOffset);
        }
        catch (LoireException exception)
        {
            return ((ErrorCode)exception.Error, exception.Message, -1);
        }
        catch (Exception exception) when (Failures.MayPass(exception))
        {
            return (ErrorCode.NetworkException, exception.Message, -1);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Producing to {Topic}-{Partition} is repeated (attempt {Attempt}): {Error} {Reason}")]
    private static partial void LogRepeated(
        ILogger logger, string topic, int partition, int attempt, ErrorCode error, string? reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} records for {Topic}-{Partition} are lost: {Error} {Reason}")]
    private static partial void LogLost(
        ILogger logger, int count, string topic, int partition, ErrorCode error, string? reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} records for {Topic}-{Partition} are given up")]
    private static partial void LogGivenUp(ILogger logger, Exception exception, int count, string topic, int partition);
}
