using System.Threading.Channels;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Replication;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster.Replication;

/// <summary>Fetches from one leader broker for all partitions that it leads and this broker follows: carries out over a
/// Kafka connection what a <see cref="ReplicaFetcherCore"/> decides. Never gives up; an outage is logged once. A replica
/// that comes to follow another leader drops out by itself.</summary>
public sealed partial class ReplicaFetcher : IAsyncDisposable
{
    /// <summary>How long a request that is under way may hold up replicas that it does not ask for.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    private readonly ReplicaFetcherCore _core;
    private readonly NodeId _leader;
    private readonly Func<long> _generation;
    private readonly IBrokerConfigs _configs;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Action<TopicName>? _disowned;
    private readonly LeaderLink _link;
    private readonly ReplicaFetchMessages _messages;

    /// <summary>Replicas that the loop has not taken over yet: the core is the loop's alone.</summary>
    private readonly Channel<IFollowerReplica> _added = Channel.CreateUnbounded<IFollowerReplica>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly WakeSignal _wakes = new();

    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _nextAttempt;
    private readonly Task _running;
    private Task<bool>? _anyAdded;
    private bool _isFailing;

    /// <param name="locate">Where the leader is reached now; null while that is not known. Asked before each
    /// request.</param>
    /// <param name="generation">This broker's own, which is the replica epoch of its fetches.</param>
    /// <param name="throttle">For replicas that catch up; null for no bound.</param>
    /// <param name="disowned">Told, as often as that is answered, the topics that the leader says it does not lead in the
    /// epoch known here; null where nobody is to know. Must not block.</param>
    public ReplicaFetcher(
        NodeId leader,
        Func<BrokerEndpoint?> locate,
        NodeId self,
        Func<long> generation,
        IBrokerConfigs configs,
        TimeProvider time,
        ILogger logger,
        ReplicationThrottle? throttle = null,
        Action<TopicName>? disowned = null)
    {
        _leader = leader;
        _generation = generation;
        _configs = configs;
        _time = time;
        _logger = logger;
        _disowned = disowned;
        _core = new ReplicaFetcherCore(leader, ReadAhead.Default) { Throttle = throttle };
        _link = new LeaderLink(leader, locate, self, configs, time);
        _messages = new ReplicaFetchMessages(self);
        _nextAttempt = time.CreateTimer(
            static wakes => ((WakeSignal)wakes!).Wake(), _wakes, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _running = Task.Run(RunAsync);
    }

    /// <summary>Follows a partition, or tries it again at once that had errors. May be repeated.</summary>
    public void Add(IFollowerReplica replica)
    {
        replica.Synced = _wakes.Wake;
        _added.Writer.TryWrite(replica);
        _wakes.Wake();
    }

    /// <summary>Ends at once, whatever is under way, and closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _nextAttempt.DisposeAsync();
        await _link.DisposeAsync();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                TakeAdded();
                if (_core.NextRequest(_time.ElapsedMs()) is { } request) await AskAsync(request);
                else await WaitAsync();
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                LogStopped(_logger, _leader);
            }
            catch (OperationCanceledException)
            {
                // The leader answers a connection in order: only a new one gets past the request that waits there.
                _link.Break();
                _core.GivenUp();
                LogGivenUp(_logger, _leader);
            }
            catch (Exception failure)
            {
                // Whatever it is: who would not try again would leave its replicas behind for good.
                _link.Break();
                _core.Failed(_time.ElapsedMs());
                if (!_isFailing) Report(failure);
                _isFailing = true;
            }
        }
    }

    private async Task WaitAsync()
    {
        if (_core.NextAttemptMs != long.MaxValue)
        {
            var left = TimeSpan.FromMilliseconds(Math.Max(0, _core.NextAttemptMs - _time.ElapsedMs()));
            _nextAttempt.Change(left, Timeout.InfiniteTimeSpan);
        }

        await _wakes.WaitAsync(_stop.Token);
    }

    private async Task AskAsync(ReplicaFetchRequest request)
    {
        var connection = await _link.ConnectAsync(_stop.Token);
        var message = _messages.ToRequest(request, _generation(), _configs.Current);
        using var answer = await SendAsync(connection, message);
        var fetched = _messages.ToAnswer(answer.Response);
        _core.Answered(fetched, _time.ElapsedMs());
        foreach (var partition in fetched.Partitions)
        {
            if (partition.Read.Error is ErrorCode.FencedLeaderEpoch or ErrorCode.NotLeaderOrFollower)
                _disowned?.Invoke(partition.Partition.Topic);
        }

        Report(answer.Response.ErrorCode);
        foreach (var trouble in _core.Troubles) Report(trouble);
    }

    /// <summary>A leader with nothing new holds a request for replica.fetch.wait.max.ms. A replica that begins to follow
    /// meanwhile is not to wait as long: producers may be waiting for it.</summary>
    private async Task<ResponseLease<FetchResponse>> SendAsync(KafkaConnection connection, FetchRequest message)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var sending = connection.SendLeasedAsync<FetchRequest, FetchResponse>(message, giveUp.Token);
        while (true)
        {
            _anyAdded ??= _added.Reader.WaitToReadAsync(_stop.Token).AsTask();
            if (await Task.WhenAny(sending, _anyAdded) == sending) return await sending;
            _anyAdded = null;
            if (TakeAdded()) giveUp.CancelAfter(Patience);
        }
    }

    /// <returns>Whether there are any that the request under way does not ask for.</returns>
    private bool TakeAdded()
    {
        var anyWaits = false;
        while (_added.Reader.TryRead(out var replica)) anyWaits |= _core.Add(replica);
        return anyWaits;
    }

    private void Report(Exception failure)
    {
        if (failure is KafkaClientException) LogFailing(_logger, _leader, failure.Message);
        else LogUnexpected(_logger, failure, _leader);
    }

    /// <summary>Sessions come and go with the leader's restarts: that is no outage.</summary>
    private void Report(ErrorCode error)
    {
        var isFailing = error
            is not (ErrorCode.None or ErrorCode.FetchSessionIdNotFound or ErrorCode.InvalidFetchSessionEpoch);
        if (isFailing && !_isFailing) LogRefused(_logger, _leader, error);
        if (!isFailing && _isFailing) LogBack(_logger, _leader);
        _isFailing = isFailing;
    }

    private void Report(in FetchTrouble trouble)
    {
        if (trouble.IsPassing)
        {
            LogDelayed(_logger, trouble.Partition, _leader, trouble.Error, trouble.Outcome);
        }
        else if (trouble.Outcome == FetchedOutcome.Reset)
        {
            LogReset(_logger, trouble.Partition, trouble.Position.Offset, _leader);
        }
        else
        {
            LogTrouble(_logger, trouble.Partition, _leader, trouble.Position.Offset, trouble.Error, trouble.Outcome);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "No longer fetching from broker {Leader}")]
    private static partial void LogStopped(ILogger logger, NodeId leader);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Asking broker {Leader} anew: there are more replicas to ask for")]
    private static partial void LogGivenUp(ILogger logger, NodeId leader);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cannot fetch from broker {Leader}, trying on: {Reason}")]
    private static partial void LogFailing(ILogger logger, NodeId leader, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Fetching from broker {Leader} failed in an unforeseen way, trying on")]
    private static partial void LogUnexpected(ILogger logger, Exception failure, NodeId leader);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Partition} waits for broker {Leader}: {Error}, {Outcome}")]
    private static partial void LogDelayed(
        ILogger logger, TopicIdPartition partition, NodeId leader, ErrorCode error, FetchedOutcome outcome);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Partition} ended at offset {Offset}, outside the log of broker {Leader}: it is emptied and fetched anew")]
    private static partial void LogReset(ILogger logger, TopicIdPartition partition, Offset offset, NodeId leader);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Partition} cannot go on from offset {Offset} of broker {Leader}, trying on: {Error}, {Outcome}")]
    private static partial void LogTrouble(
        ILogger logger, TopicIdPartition partition, NodeId leader, Offset offset, ErrorCode error, FetchedOutcome outcome);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Broker {Leader} does not let this one fetch, trying on: {Error}")]
    private static partial void LogRefused(ILogger logger, NodeId leader, ErrorCode error);

    [LoggerMessage(Level = LogLevel.Information, Message = "Fetching from broker {Leader} again")]
    private static partial void LogBack(ILogger logger, NodeId leader);
}
