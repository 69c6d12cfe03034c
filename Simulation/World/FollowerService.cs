using System.Buffers;
using Loire.Broker.Handlers.Fetching;
using Loire.Broker.Partitions;
using Loire.Broker.Replication;
using Loire.Protocol;

namespace Loire.Simulation.World;

/// <summary>A broker's answers to its followers: the real fetch sessions, and a long poll on virtual time.</summary>
internal sealed class FollowerService
{
    private const int PollMs = 10;
    private const int PollsMax = 15;
    private const int MaxBytesPerPartition = 600;

    /// <summary>Few, so that followers must also do without a session.</summary>
    private const int SessionSlots = 10;

    private readonly SimCluster _cluster;
    private readonly SimBroker _broker;
    private readonly FetchSessionCache _sessions;

    public FollowerService(SimCluster cluster, SimBroker broker)
    {
        _cluster = cluster;
        _broker = broker;
        _sessions = new FetchSessionCache(() => cluster.Random.Next(1, int.MaxValue));
    }

    public void Fetch(NodeId follower, ReplicaFetchRequest request, Action<ReplicaFetchAnswer> answer)
    {
        FetchSession? session;
        if (request.SessionEpoch == 0)
        {
            var asked = new FetchPartitionSet();
            foreach (var partition in request.Partitions) asked.Set(Asked(partition));
            session = _sessions.Create(asked, usesTopicIds: true, NodeId.None, SessionSlots, _cluster.Loop.NowMs)
                ?? new FetchSession(id: 0, asked, usesTopicIds: true, NodeId.None, _cluster.Loop.NowMs);
            session.IsInUse = true;
        }
        else
        {
            var error = _sessions.TryTake(
                request.SessionId, request.SessionEpoch, usesTopicIds: true, NodeId.None, _cluster.Loop.NowMs, out session);
            if (error != ErrorCode.None)
            {
                answer(new ReplicaFetchAnswer(error, 0, []));
                return;
            }

            foreach (var partition in request.Partitions) session!.Partitions.Set(Asked(partition));
            session!.Partitions.Forget(request.Forgotten.Select(id => new FetchKey(default, id.TopicId, id.Partition)));
        }

        Poll(follower, session, request.Waits ? PollsMax : 0, answer);
    }

    private void Poll(NodeId follower, FetchSession session, int pollsLeft, Action<ReplicaFetchAnswer> answer)
    {
        var fetched = new List<FetchedPartition>();
        foreach (var partition in session.Partitions.InOrder)
        {
            if (Read(follower, partition) is { } news) fetched.Add(news);
        }

        if (fetched.Count == 0 && pollsLeft > 0)
        {
            _cluster.Loop.After(PollMs, () => _broker.Run(() => Poll(follower, session, pollsLeft - 1, answer)));
            return;
        }

        _sessions.Return(session);
        answer(new ReplicaFetchAnswer(ErrorCode.None, session.Id, fetched));
    }

    private FetchedPartition? Read(NodeId follower, FetchPartition partition)
    {
        var position = new FetchPosition(
            partition.FetchOffset, partition.DurableEnd, partition.LastFetchedEpoch, partition.CurrentLeaderEpoch);
        var read = _broker.Find(partition.Index)?.ReadAsFollower(follower, position, MaxBytesPerPartition, atLeastOne: true)
            ?? new FollowerRead(ErrorCode.NotLeaderOrFollower, null, null, Offset.None, Offset.None);
        var isNews = read.Records is not null
            || read.Error != ErrorCode.None
            || read.Diverging is not null
            || read.HighWatermark != partition.ToldHighWatermark
            || read.LogStartOffset != partition.ToldLogStart;
        if (!isNews) return null;
        partition.ToldHighWatermark = read.Error == ErrorCode.None ? read.HighWatermark : Offset.None;
        partition.ToldLogStart = read.LogStartOffset;
        var bytes = read.Records is SimRecords records ? records.Bytes : [];
        return new FetchedPartition(SimCluster.Id(partition.Index), read, new ReadOnlySequence<byte>(bytes));
    }

    private static FetchPartition Asked(KeyValuePair<TopicIdPartition, FetchPosition> asked) =>
        new(default, asked.Key.TopicId, asked.Key.Partition)
        {
            FetchOffset = asked.Value.Offset,
            DurableEnd = asked.Value.DurableEnd,
            LastFetchedEpoch = asked.Value.LastFetchedEpoch,
            CurrentLeaderEpoch = asked.Value.LeaderEpoch,
        };
}
