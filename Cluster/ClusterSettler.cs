using System.Collections.Concurrent;
using Loire.Broker.Control;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster;

/// <summary>Lets the controllers settle their topics and learns what comes of it: when the membership changed, when this
/// broker's start is to be noted, and every 30 s in case news was lost. Every broker does so, hence elections depend on
/// none. While controllers cannot be reached it tries on.</summary>
internal sealed partial class ClusterSettler : IAsyncDisposable
{
    private const int MaxParallel = 32;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan CatchUpPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(2);

    private readonly ClusterView _view;
    private readonly IClusterControl _control;
    private readonly BrokerGeneration _started;
    private readonly ILogger _logger;
    private readonly ConcurrentQueue<TopicName> _asked = new();
    private readonly WakeSignal _wakes = new();

    /// <summary>The topics that were caught up with since <see cref="_caughtUpSince"/>; guarded by itself.</summary>
    private readonly HashSet<TopicName> _caughtUp = [];
    private readonly TimeProvider _time;
    private long _caughtUpSince;

    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;
    private readonly ITimer _retry;
    private readonly Task _loop;

    /// <summary>Completed by the first pass over all topics that starts after it was set; null while none is due.</summary>
    private TaskCompletionSource? _due;

    /// <param name="started">This broker's run, for topics that have not noted it.</param>
    public ClusterSettler(
        ClusterView view, IClusterControl control, BrokerGeneration started, TimeProvider time, ILogger<ClusterSettler> logger)
    {
        _view = view;
        _control = control;
        _started = started;
        _logger = logger;
        _time = time;
        _timer = time.CreateTimer(static settler => _ = ((ClusterSettler)settler!).SettleAllAsync(), this, Period, Period);
        _retry = time.CreateTimer(
            static settler => ((ClusterSettler)settler!)._wakes.Wake(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Settles all topics. Completes when all have been asked that were known when it began; calls while one is
    /// waiting share it.</summary>
    public Task SettleAllAsync()
    {
        if (_stop.IsCancellationRequested) return Task.FromCanceled(new CancellationToken(canceled: true));
        var due = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        due = Interlocked.CompareExchange(ref _due, due, null) ?? due;
        _wakes.Wake();
        return due.Task;
    }

    /// <summary>Lets one topic's controller note this broker's start.</summary>
    public void Note(TopicName topic)
    {
        _asked.Enqueue(topic);
        _wakes.Wake();
    }

    /// <summary>Has one topic's controller asked at once for what this broker has not heard of: somebody knows a newer leader
    /// epoch. Once a second and topic, for clients say so with each request, whether or not it is true.</summary>
    public void CatchUp(TopicName topic)
    {
        lock (_caughtUp)
        {
            if (_time.GetElapsedTime(_caughtUpSince) >= CatchUpPeriod)
            {
                _caughtUp.Clear();
                _caughtUpSince = _time.GetTimestamp();
            }

            if (!_caughtUp.Add(topic)) return;
        }

        Note(topic);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _timer.DisposeAsync();
        await _loop;
        await _retry.DisposeAsync();
        Interlocked.Exchange(ref _due, null)?.TrySetCanceled();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var backoff = FirstBackoff;
        try
        {
            while (await _wakes.WaitAsync(_stop.Token))
            {
                if (await TryPassAsync())
                {
                    backoff = FirstBackoff;
                    continue;
                }

                // What is asked for meanwhile is not held up.
                _retry.Change(backoff, Timeout.InfiniteTimeSpan);
                backoff = backoff * 2 < LongestBackoff ? backoff * 2 : LongestBackoff;
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            LogStopped(_logger);
        }
    }

    /// <returns>False where something is left to be tried again.</returns>
    private async Task<bool> TryPassAsync()
    {
        var due = Interlocked.Exchange(ref _due, null);
        var left = new ConcurrentDictionary<TopicName, string>();
        var isDone = false;
        try
        {
            await SettleAsync(TakeAsked(), left);
            if (due is not null) await SettleEveryAsync(left);

            // A topic whose controller is out of reach is asked for again, and keeps nobody waiting: a start would wait for ever
            // for one whose state cannot be read.
            due?.TrySetResult();
            isDone = left.IsEmpty;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            due?.TrySetCanceled();
            throw;
        }
        catch (Exception failure)
        {
            LogFailed(_logger, failure.Message, failure is ControlUnavailableException ? null : failure);
            Restore(due);
        }

        if (!left.IsEmpty) LogLeft(_logger, left.Count, left.First().Key, left.First().Value);
        foreach (var topic in left.Keys) _asked.Enqueue(topic);
        return isDone;
    }

    /// <summary>Those first that are known to need it: elections are to be fast.</summary>
    private async Task SettleEveryAsync(ConcurrentDictionary<TopicName, string> left)
    {
        var statuses = _view.Statuses;
        var known = _view.Topics;
        TopicName[] urgent = [.. known.Where(topic => NeedsElection(topic, statuses)).Select(topic => topic.Name)];
        await SettleAsync(urgent, left);
        _view.Learn(await _control.ReadClusterAsync(_stop.Token));
        var names = await _control.ListTopicsAsync(_stop.Token);
        await SettleAsync(names.Except(urgent), left);

        // A name is listed before its topic is created, and until every broker has heard of its deletion.
        TopicRecord[] unlisted = [.. known.ExceptBy(names, topic => topic.Name)];
        foreach (var deleted in unlisted.Where(topic => topic.IsDeleted)) _view.Forget(deleted);

        // An old announcement may have come when the deletion was forgotten here: the controller knows better.
        await SettleAsync(unlisted.Where(topic => !topic.IsDeleted).Select(topic => topic.Name).Except(urgent), left);
    }

    private static bool NeedsElection(TopicRecord topic, BrokerStatuses statuses) =>
        !topic.IsDeleted && topic.Control.Partitions.Any(partition =>
            !statuses.CanLead(partition.Leader) || partition.InSync.Any(node => !statuses.IsLive(node)));

    /// <param name="left">Takes those whose controllers cannot be reached, with the reason.</param>
    private Task SettleAsync(IEnumerable<TopicName> topics, ConcurrentDictionary<TopicName, string> left) => Parallel.ForEachAsync(
        topics,
        new ParallelOptions { MaxDegreeOfParallelism = MaxParallel, CancellationToken = _stop.Token },
        async (topic, cancellationToken) =>
        {
            try
            {
                var started = IsNoted(topic) ? (BrokerGeneration?)null : _started;
                if (await _control.SettleAsync(topic, started, cancellationToken) is { } settled) _view.Learn(settled);
            }
            catch (ControlUnavailableException away)
            {
                left[topic] = away.Message;
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                // One topic that is broken must not keep the others, or the broker, from their work.
                LogNotSettled(_logger, failure, topic);
            }
        });

    private bool IsNoted(TopicName topic) =>
        _view.Find(topic)?.Control.Generations.Any(
            known => known.Broker == _started.Broker && known.Generation >= _started.Generation) == true;

    private HashSet<TopicName> TakeAsked()
    {
        var topics = new HashSet<TopicName>();
        while (_asked.TryDequeue(out var topic)) topics.Add(topic);
        return topics;
    }

    /// <summary>What was not done is due again, together with what was asked for meanwhile.</summary>
    private void Restore(TaskCompletionSource? due)
    {
        if (due is null) return;
        if (Interlocked.CompareExchange(ref _due, due, null) is { } newer)
            _ = newer.Task.ContinueWith(_ => due.TrySetResult(), TaskScheduler.Default);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Topics could not be settled, trying on: {Reason}")]
    private static partial void LogFailed(ILogger logger, string reason, Exception? unexpected);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "{Count} topic(s) could not be settled, trying on. One of them, {Topic}: {Reason}")]
    private static partial void LogLeft(ILogger logger, int count, TopicName topic, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Topic {Topic} could not be settled; it is tried again within 30 s")]
    private static partial void LogNotSettled(ILogger logger, Exception failure, TopicName topic);

    [LoggerMessage(Level = LogLevel.Debug, Message = "No topics are settled any more")]
    private static partial void LogStopped(ILogger logger);
}
