using System.Buffers;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;

namespace Loire.Protocol.Client;

/// <summary>The batches of one partition: the one being filled, those that wait and those in flight. Batches reach the
/// leader in order; after a passing error those in flight come to rest first and are then sent again in order.
/// A batch that is given up leaves a gap in an idempotent producer's sequence, which the leader takes nothing behind: what
/// follows goes on under the next producer epoch (KIP-360), which also keeps the lost batch out should it arrive yet.</summary>
internal sealed class ProducerPartition : IDisposable
{
    private const int WaitingBatchesMax = 4;
    private const short HighestProduceVersion = 12;
    private static readonly TimeSpan RetryBackoff = TimeSpan.FromMilliseconds(100);

    private readonly Producer _producer;
    private readonly ProducerOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly RecordBatchBuilder _builder;
    private readonly LinkedList<ProducerBatch> _waiting = new();
    private readonly SortedList<long, ProducerBatch> _failed = [];
    private readonly Stack<ProducerBatch> _spare = new();
    private TaskCompletionSource? _progress;
    private long _nextOrdinal;
    private int _nextSequence;
    private int _inFlight;
    private bool _isPumping;
    private bool _isKnown;
    private bool _hasGap;
    private long _startedTimestamp;

    public ProducerPartition(Producer producer, TopicPartition partition, ProducerId producerId, short producerEpoch)
    {
        _producer = producer;
        _options = producer.Options;
        _time = producer.Client.Options.TimeProvider;
        Partition = partition;
        _builder = new RecordBatchBuilder { Codec = _options.Codec, ProducerId = producerId, ProducerEpoch = producerEpoch };
    }

    public TopicPartition Partition { get; }

    /// <summary>A leader takes any sequence number from an idempotent producer that it does not know, and none before it from
    /// then on: so the first batch travels alone.</summary>
    private int InFlightMax => _isKnown || !_options.IsIdempotent ? _options.InFlightMax : 1;

    /// <summary>Nothing more is sent until what is in flight has come to rest.</summary>
    private bool IsInterrupted => _failed.Count > 0 || _hasGap;

    /// <summary>Appends a record.</summary>
    /// <returns>Null when it was taken; else a task that completes when trying again is worth while.</returns>
    public Task? TryAppend(long timestampMs, RecordBytes key, RecordBytes value, ReadOnlySpan<RecordHeader> headers)
    {
        lock (_lock)
        {
            if (_waiting.Count >= WaitingBatchesMax)
                return WaitForProgress();
            var size = RecordBatchBuilder.RecordSizeBound(key.Length, value.Length, headers);
            if (_builder.Count > 0 && _builder.PlainSizeBytes + size > _options.BatchSizeBytes)
                Seal();
            if (_builder.Count == 0)
                _startedTimestamp = _time.GetTimestamp();
            _builder.Append(timestampMs, key, value, headers);
            if (_options.Linger == TimeSpan.Zero && _inFlight == 0 && _waiting.Count == 0)
                Seal();
        }
        Pump();
        return null;
    }

    /// <summary>Sends what has waited as long as it may.</summary>
    public void SendLingered(bool force)
    {
        lock (_lock)
        {
            if (_builder.Count > 0 && (force || _time.GetElapsedTime(_startedTimestamp) >= _options.Linger))
                Seal();
        }
        Pump();
    }

    /// <summary>A task that completes at the next answer; null where nothing is under way.</summary>
    public Task? WhenIdle()
    {
        lock (_lock)
        {
            return _builder.Count == 0 && _waiting.Count == 0 && _inFlight == 0 && _failed.Count == 0 ? null : WaitForProgress();
        }
    }

    public void Dispose()
    {
        _builder.Dispose();
        foreach (var batch in _waiting.Concat(_spare).Concat(_failed.Values))
            batch.Bytes.Dispose();
    }

    private Task WaitForProgress() =>
        (_progress ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    private void Seal()
    {
        var batch = _spare.TryPop(out var spare) ? spare : new ProducerBatch();
        batch.Start(_nextOrdinal++, _builder.Count, _startedTimestamp);
        if (_options.IsIdempotent)
            _builder.BaseSequence = TakeSequence(_builder.Count);
        _builder.Build(batch.Bytes);
        _waiting.AddLast(batch);
    }

    private int TakeSequence(int recordsCount)
    {
        var first = _nextSequence;
        _nextSequence = (int)(((long)first + recordsCount) & int.MaxValue);
        return first;
    }

    private void Pump()
    {
        lock (_lock)
        {
            if (_isPumping) return;
            _isPumping = true;
        }
        _ = RunPumpAsync();
    }

    /// <summary>Starts sends while the window is open, one after the other: a batch is given to its connection before a
    /// connection is sought for the next, or the next might overtake it. The lock is not held meanwhile, so that appends go
    /// on.</summary>
    private async Task RunPumpAsync()
    {
        while (TakeNext() is { } batch)
        {
            try
            {
                var connection = await _producer.Client.GetLeaderConnectionAsync(Partition, CancellationToken.None);
                _ = SendAsync(batch, connection);
            }
            catch (Exception exception)
            {
                OnAnswered(batch, Offset.None, ToFailure(exception));
            }
        }
    }

    /// <returns>Null where the pump is to rest.</returns>
    private ProducerBatch? TakeNext()
    {
        lock (_lock)
        {
            if (_waiting.First is not { } first || _inFlight >= InFlightMax || IsInterrupted)
            {
                _isPumping = false;
                return null;
            }
            _waiting.RemoveFirst();
            _inFlight++;
            return first.Value;
        }
    }

    private async Task SendAsync(ProducerBatch batch, KafkaConnection connection)
    {
        var offset = Offset.None;
        KafkaClientException? failure = null;
        try
        {
            offset = await ProduceAsync(batch, connection);
        }
        catch (Exception exception)
        {
            failure = ToFailure(exception);
        }
        OnAnswered(batch, offset, failure);
    }

    private static KafkaClientException ToFailure(Exception exception) =>
        exception as KafkaClientException ?? new KafkaClientException(ErrorCode.UnknownServerError, exception.Message);

    private async Task<Offset> ProduceAsync(ProducerBatch batch, KafkaConnection connection)
    {
        var data = new ProduceRequest.PartitionProduceData
        {
            Index = Partition.Partition,
            Records = new RecordsPayload(new ReadOnlySequence<byte>(batch.Bytes.WrittenMemory)),
        };
        var request = new ProduceRequest
        {
            TransactionalId = null,
            Acks = _options.Acks,
            TimeoutMs = (int)_producer.Client.Options.RequestTimeout.TotalMilliseconds,
            TopicData = [new() { Name = Partition.Topic, PartitionData = [data] }],
        };
        if (_options.Acks == 0)
        {
            await connection.SendOneWayAsync(request, CancellationToken.None, HighestProduceVersion);
            return Offset.None;
        }
        using var lease = await connection.SendLeasedAsync<ProduceRequest, ProduceResponse>(
            request, CancellationToken.None, HighestProduceVersion);
        var answer = lease.Response.Responses.Single().PartitionResponses.Single();
        // A batch that was there already is delivered.
        if (answer.ErrorCode != ErrorCode.DuplicateSequenceNumber)
            KafkaClientException.ThrowIfError(answer.ErrorCode, answer.ErrorMessage, $"Producing to {Partition}");
        return answer.BaseOffset;
    }

    private void OnAnswered(ProducerBatch batch, Offset offset, KafkaClientException? failure)
    {
        var elapsed = _time.GetElapsedTime(batch.StartedTimestamp);
        TaskCompletionSource? progress = null;
        var retries = failure is not null && elapsed < _options.DeliveryTimeout && MayPass(failure);
        var report = new DeliveryReport(Partition, offset, batch.RecordsCount, batch.Bytes.WrittenCount, elapsed, failure);
        if (!retries)
            _producer.Report(report);
        bool isAtRest;
        lock (_lock)
        {
            _inFlight--;
            _isKnown |= failure is null;
            if (retries)
            {
                batch.Fail(failure!.Error);
                _failed.Add(batch.Ordinal, batch);
            }
            else
            {
                _hasGap |= failure is not null && _options.IsIdempotent;
                _spare.Push(batch);
                (progress, _progress) = (_progress, null);
            }
            isAtRest = IsInterrupted && _inFlight == 0;
            if (_options.Linger == TimeSpan.Zero && _waiting.Count == 0 && _builder.Count > 0 && !IsInterrupted)
                Seal();
        }
        progress?.TrySetResult();
        if (isAtRest)
            _ = ResumeAsync();
        else
            Pump();
    }

    private bool MayPass(KafkaClientException failure) =>
        failure.IsRetriable || (_options.IsIdempotent && ProducerBatch.IsSequenceLost(failure.Error));

    private async Task ResumeAsync()
    {
        if (_failed.Count > 0)
        {
            _producer.Client.ForgetMetadata();
            await Task.Delay(RetryBackoff, _time);
        }
        lock (_lock)
        {
            var startsAnew = IsSequenceLost();
            for (var i = _failed.Count - 1; i >= 0; i--)
                _waiting.AddFirst(_failed.GetValueAtIndex(i));
            _failed.Clear();
            _hasGap = false;
            if (startsAnew)
                StartSequence();
            if (_options.Linger == TimeSpan.Zero && _waiting.Count == 0 && _builder.Count > 0)
                Seal();
        }
        Pump();
    }

    /// <summary>Whether the leader would take none of what waits as it is numbered. While one of them is in doubt it is sent
    /// as it was: the leader knows it again, or says that it does not have it. Behind the last epoch nothing starts anew.</summary>
    private bool IsSequenceLost() =>
        (_hasGap || (_failed.Count > 0 && _failed.GetValueAtIndex(0).IsOutOfSequence))
        && _failed.Values.All(batch => !batch.IsInDoubt)
        && _builder.ProducerEpoch < short.MaxValue;

    private void StartSequence()
    {
        _builder.ProducerEpoch++;
        _nextSequence = 0;
        _isKnown = false;
        foreach (var batch in _waiting)
            batch.Restamp(_builder.ProducerEpoch, TakeSequence(batch.RecordsCount));
    }
}
