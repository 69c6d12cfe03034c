using System.Collections.Immutable;
using Loire.Broker.Handlers.Fetching;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Replication;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Handlers;

/// <summary>Fetch, versions 4 to 18 (sessions from 7, topics by id from 13 on), for consumers and for followers. As Kafka,
/// with these differences: an offset out of range is told together with the watermarks; zstd batches go to all versions, as
/// with Kafka 4; who names a replica id and is no follower is refused as a whole, with BROKER_ID_NOT_REGISTERED or
/// STALE_BROKER_EPOCH.</summary>
public sealed class FetchHandler : RequestHandler<FetchRequest, FetchResponse>
{
    private const short FirstVersionWithRacks = 11;
    private const short FirstVersionWithTopicIds = 13;
    private const int NoSession = 0;
    private const int NewSessionEpoch = 0;
    private const int LastEpoch = -1;

    private readonly IPartitionDirectory _partitions;
    private readonly IBrokerDirectory _brokers;
    private readonly IBrokerConfigs _configs;
    private readonly IReplicaAuthority _followers;
    private readonly TimeProvider _time;
    private readonly ILogger<FetchHandler> _logger;
    private readonly ReplicationThrottle _throttle;
    private readonly FetchSessionCache _sessions = new(static () => Random.Shared.Next(1, int.MaxValue));

    public FetchHandler(
        IPartitionDirectory partitions,
        IBrokerDirectory brokers,
        IBrokerConfigs configs,
        IReplicaAuthority followers,
        TimeProvider time,
        ILogger<FetchHandler> logger)
    {
        _partitions = partitions;
        _brokers = brokers;
        _configs = configs;
        _followers = followers;
        _time = time;
        _logger = logger;
        _throttle = new ReplicationThrottle(() => configs.Current.LeaderThrottledRate);
    }

    /// <summary>Fetch sessions held now.</summary>
    public int SessionCount => _sessions.Count;

    public override async ValueTask<FetchResponse> HandleAsync(RequestContext context, FetchRequest request)
    {
        var follower = FollowerOf(request);
        if (follower != NodeId.None)
        {
            var refused = _followers.Check(follower, request.ReplicaState.ReplicaEpoch);
            if (refused != ErrorCode.None) return new FetchResponse { ErrorCode = refused };
        }

        var isFull = request.SessionEpoch is NewSessionEpoch or LastEpoch;
        if (isFull)
        {
            if (request.SessionId != NoSession) _sessions.Remove(request.SessionId, follower);
            var asked = new FetchPartitionSet();
            Collect(context, request, asked);
            await ReadAsync(context, request, asked.InOrder);
            return AnswerFull(context, request, asked);
        }

        var usesTopicIds = context.ApiVersion >= FirstVersionWithTopicIds;
        var error = _sessions.TryTake(
            request.SessionId, request.SessionEpoch, usesTopicIds, follower, NowMs(), out var session);
        if (session is null || error != ErrorCode.None) return new FetchResponse { ErrorCode = error };
        try
        {
            Collect(context, request, session.Partitions);
            session.Partitions.Forget(Forgotten(context, request));
            var isKept = _sessions.TryKeep(session);
            await ReadAsync(context, request, session.Partitions.InOrder);
            return AnswerIncremental(context, request, session, isKept);
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>Reads, and waits and reads again while there is too little and time is left. Afterwards the partitions
    /// hold what was found; when it throws they hold nothing.</summary>
    private async ValueTask ReadAsync(RequestContext context, FetchRequest request, List<FetchPartition> partitions)
    {
        var reader = ReaderOf(context, request);
        var maxBytes = Math.Min(Math.Max(0, request.MaxBytes), _configs.Current.FetchMaxBytes);
        var minBytes = Math.Min(request.MinBytes, maxBytes);
        var start = _time.GetTimestamp();
        var isOver = request.MaxWaitMs <= 0;
        try
        {
            while (true)
            {
                var readBytes = ReadOnce(partitions, maxBytes, reader, out var isUrgent);
                if (readBytes >= minBytes || isUrgent || isOver) return;

                foreach (var partition in partitions) partition.Release();
                var left = TimeSpan.FromMilliseconds(request.MaxWaitMs) - _time.GetElapsedTime(start);
                isOver = !await FetchWait.WaitAsync(partitions, reader, minBytes - readBytes, left, _time, context.Aborted);
                context.Aborted.ThrowIfCancellationRequested();
            }
        }
        catch
        {
            foreach (var partition in partitions) partition.Release();
            throw;
        }
    }

    private long ReadOnce(List<FetchPartition> partitions, int maxBytes, FetchReader reader, out bool isUrgent)
    {
        var pass = new FetchPass(_partitions, maxBytes, reader, _logger);
        pass.Run(partitions);
        isUrgent = pass.IsUrgent;
        return pass.ReadBytes;
    }

    private FetchResponse AnswerFull(RequestContext context, FetchRequest request, FetchPartitionSet partitions)
    {
        var session = request.SessionEpoch == NewSessionEpoch
            ? _sessions.Create(
                partitions,
                context.ApiVersion >= FirstVersionWithTopicIds,
                FollowerOf(request),
                _configs.Current.FetchSessionSlots,
                NowMs())
            : null;
        var response = new FetchResponse { SessionId = session?.Id ?? NoSession };
        var answer = new FetchAnswer(response, context.ApiVersion, IsolationOf(request));
        foreach (var partition in partitions.InOrder) answer.Add(partition);
        answer.AddLeaders(_brokers);
        return response;
    }

    /// <summary>Tells what changed since the session's last answer.</summary>
    /// <param name="isKept">Else this is the session's last answer, and tells the client so.</param>
    private FetchResponse AnswerIncremental(RequestContext context, FetchRequest request, FetchSession session, bool isKept)
    {
        var response = new FetchResponse { SessionId = isKept ? session.Id : NoSession };
        var answer = new FetchAnswer(response, context.ApiVersion, IsolationOf(request));
        foreach (var partition in session.Partitions.InOrder) answer.AddIfChanged(partition);
        answer.AddLeaders(_brokers);
        session.Partitions.Rotate();
        return response;
    }

    /// <summary>Moves the partitions over: a request that waits is not to hold them in both forms.</summary>
    private static void Collect(RequestContext context, FetchRequest request, FetchPartitionSet partitions)
    {
        var byId = context.ApiVersion >= FirstVersionWithTopicIds;
        foreach (var topic in request.Topics)
        {
            foreach (var partition in topic.Partitions)
            {
                partitions.Set(new FetchPartition(byId ? default : topic.Topic, byId ? topic.TopicId : default, partition.Partition)
                {
                    FetchOffset = partition.FetchOffset,
                    DurableEnd = partition.DurableOffset == Offset.None ? partition.FetchOffset : partition.DurableOffset,
                    MaxBytes = partition.PartitionMaxBytes,
                    CurrentLeaderEpoch = partition.CurrentLeaderEpoch,
                    LastFetchedEpoch = partition.LastFetchedEpoch,
                });
            }
        }

        request.Topics.Clear();
    }

    private static IEnumerable<FetchKey> Forgotten(RequestContext context, FetchRequest request)
    {
        var byId = context.ApiVersion >= FirstVersionWithTopicIds;
        return request.ForgottenTopicsData.SelectMany(
            topic => topic.Partitions,
            (topic, index) => new FetchKey(byId ? default : topic.Topic, byId ? topic.TopicId : default, index));
    }

    private FetchReader ReaderOf(RequestContext context, FetchRequest request)
    {
        var follower = FollowerOf(request);
        return follower != NodeId.None
            ? new FollowerReader(follower, tellsHighWatermark: _configs.Current.SelectsReplicaByRack, _throttle, _time)
            : new ConsumerReader(
                IsolationOf(request), readsFollowers: context.ApiVersion >= FirstVersionWithRacks, Nearby(request.RackId));
    }

    /// <returns>The brokers of a consumer's rack; empty where this is one of them, or consumers are not sent to
    /// others.</returns>
    private ImmutableArray<NodeId> Nearby(string rack)
    {
        if (rack.Length == 0 || !_configs.Current.SelectsReplicaByRack) return [];
        ImmutableArray<NodeId> nearby =
        [
            .. _brokers.Brokers.Where(broker => string.Equals(broker.Rack, rack, StringComparison.Ordinal))
                .Select(broker => broker.Node),
        ];
        return nearby.Contains(_brokers.LocalNode) ? [] : nearby;
    }

    /// <summary>The replica id has moved in version 15, when the replica epoch was added (KIP-903).</summary>
    private static NodeId FollowerOf(FetchRequest request) =>
        request.ReplicaState.ReplicaId == NodeId.None ? request.ReplicaId : request.ReplicaState.ReplicaId;

    private static ReadIsolation IsolationOf(FetchRequest request) =>
        request.IsolationLevel == 1 ? ReadIsolation.Committed : ReadIsolation.Uncommitted;

    private long NowMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();
}
