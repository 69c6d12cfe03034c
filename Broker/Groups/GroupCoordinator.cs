using Loire.Broker.Ports;
using Loire.Protocol;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Groups;

/// <summary>Drives a <see cref="GroupCoordinatorCore"/>: a lock around it, a timer for its deadlines, its log for its
/// writes. One batch is in flight at a time; what comes meanwhile shares the next one, so that commits of many groups
/// share one sync, and records are applied in log order without further care.
/// <para>When the fate of a batch is not known, or the core throws, the core is dropped and loaded again from the
/// log: what was acknowledged is there, and all who wait are told NOT_COORDINATOR and ask again.</para></summary>
public sealed partial class GroupCoordinator : IAsyncDisposable
{
    /// <summary>The log may grow by this much, and to four times its live state, before the state is written again and
    /// the log before it is dropped.</summary>
    public const long SnapshotBytes = 16 * 1024 * 1024;
    private const int SnapshotFactor = 4;

    /// <summary>Timers take no more than 49 days. One that fires too early finds nothing due and is set again.</summary>
    private const long TimerDelayMaxMs = int.MaxValue;

    private readonly Lock _lock = new();
    private readonly ICoordinatorLog _log;
    private readonly IBrokerConfigs _configs;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _snapshotBytes;
    private readonly long _origin;
    private readonly ITimer _timer;
    private readonly CancellationTokenSource _closing = new();

    private readonly SemaphoreSlim _wake = new(0);
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Guarded by the lock.
    private GroupCoordinatorCore _core;
    private Queue<CoordinatorWrite> _queue = [];
    private ErrorCode _unavailable = ErrorCode.CoordinatorLoadInProgress;
    private long? _armedMs;
    private Task _loop = Task.CompletedTask;

    /// <param name="snapshotBytes">See <see cref="SnapshotBytes"/>.</param>
    public GroupCoordinator(
        ICoordinatorLog log, IBrokerConfigs configs, TimeProvider time, ILogger logger, long snapshotBytes = SnapshotBytes)
    {
        _log = log;
        _configs = configs;
        _time = time;
        _logger = logger;
        _snapshotBytes = snapshotBytes;
        _core = new GroupCoordinatorCore(configs);
        _origin = time.GetTimestamp();
        _timer = time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Starts to load the state from the log; commands are told COORDINATOR_LOAD_IN_PROGRESS meanwhile.</summary>
    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Completes when the state is loaded, or failed to load.</summary>
    public Task Loaded => _loaded.Task;

    /// <summary>Hands a command to the core. Its answer comes by the command's reply.</summary>
    public void Submit(GroupCommand command)
    {
        var unavailable = Run((core, step) => core.Handle(command, step));
        if (unavailable != ErrorCode.None)
            command.Refuse(unavailable);
    }

    /// <returns>NONE, or why the coordinator cannot tell. The group is null where there is none of that id.</returns>
    public (ErrorCode Error, DescribedGroup? Group) Describe(GroupId id)
    {
        lock (_lock)
            return _unavailable == ErrorCode.None ? (ErrorCode.None, _core.Describe(id)) : (_unavailable, null);
    }

    /// <returns>NONE, or why the coordinator cannot tell.</returns>
    public (ErrorCode Error, IReadOnlyList<ListedGroup> Groups) List()
    {
        lock (_lock)
            return _unavailable == ErrorCode.None ? (ErrorCode.None, _core.List()) : (_unavailable, []);
    }

    /// <summary>Drops the offsets of a topic that was deleted. Those that stay, because the state is being loaded now or the
    /// broker is killed before they are gone from the log, are told from a later topic's by their topic id, and expire.</summary>
    public void ForgetTopic(TopicName topic, TopicId id) => Run((core, step) => core.ForgetTopic(topic, id, step));

    /// <summary>Answers all who wait and appends no more.</summary>
    public async ValueTask DisposeAsync()
    {
        var step = new CoordinatorStep(Now());
        lock (_lock)
        {
            if (_closing.IsCancellationRequested)
                return;
            Drop(ErrorCode.NotCoordinator, step);
        }
        await _closing.CancelAsync();
        await _timer.DisposeAsync();
        Deliver(step);
        _wake.Release();
        await _loop;
        _loaded.TrySetResult();
        _closing.Dispose();
    }

    /// <summary>One step of the core, with its effects.</summary>
    /// <returns>NONE, or why the coordinator takes no commands.</returns>
    private ErrorCode Run(Action<GroupCoordinatorCore, CoordinatorStep> action)
    {
        var step = new CoordinatorStep(Now());
        var result = ErrorCode.None;
        lock (_lock)
        {
            if (_unavailable != ErrorCode.None)
                return _unavailable;
            try
            {
                action(_core, step);
                Take(step);
            }
            catch (Exception failure)
            {
                LogCoreFailed(_logger, failure);
                result = ErrorCode.UnknownServerError;
                Reset(step);
            }
        }
        Deliver(step);
        return result;
    }

    /// <summary>Queues the step's writes and sees to the next deadline. With the lock held.</summary>
    private void Take(CoordinatorStep step)
    {
        if (step.Writes.Count > 0 && _queue.Count == 0)
            _wake.Release();
        foreach (var write in step.Writes)
            _queue.Enqueue(write);
        Arm(step.Now);
    }

    private void Arm(CoordinatorTime now)
    {
        var next = _core.NextDeadlineMs;
        if (next == _armedMs)
            return;
        _armedMs = next;
        var delay = next is { } atMs
            ? TimeSpan.FromMilliseconds(Math.Clamp(atMs - now.MonotonicMs, 0, TimerDelayMaxMs))
            : Timeout.InfiniteTimeSpan;
        _timer.Change(delay, Timeout.InfiniteTimeSpan);
    }

    private void OnTimer() => Run((core, step) =>
    {
        _armedMs = null;
        core.Tick(step);
    });

    /// <summary>Drops the core and has it loaded again. With the lock held.</summary>
    private void Reset(CoordinatorStep step)
    {
        Drop(ErrorCode.NotCoordinator, step);
        _unavailable = ErrorCode.CoordinatorLoadInProgress;
        _wake.Release();
    }

    /// <summary>Answers all who wait, those included whose writes are queued or in flight. With the lock held.</summary>
    private void Drop(ErrorCode error, CoordinatorStep step)
    {
        _unavailable = error;
        _queue = [];
        try
        {
            _core.Unload(error, step);
        }
        catch (Exception failure)
        {
            LogCoreFailed(_logger, failure);
        }
        _core = new GroupCoordinatorCore(_configs);
    }

    private CoordinatorTime Now() => new(
        (long)_time.GetElapsedTime(_origin).TotalMilliseconds, _time.GetUtcNow().ToUnixTimeMilliseconds());

    private void Deliver(CoordinatorStep step)
    {
        foreach (var e in step.Events)
            LogGroup(_logger, e.Group, e.Text);
        foreach (var reply in step.Replies)
            reply();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Group {Group}: {Text}")]
    private static partial void LogGroup(ILogger logger, GroupId group, string text);

    [LoggerMessage(Level = LogLevel.Error, Message = "The group coordinator failed and is loaded again from its log")]
    private static partial void LogCoreFailed(ILogger logger, Exception failure);
}
