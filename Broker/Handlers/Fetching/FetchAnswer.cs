using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;

namespace Loire.Broker.Handlers.Fetching;

/// <summary>Fills a Fetch response with what partitions found. The records then belong to the response, whose writer
/// releases them.</summary>
internal ref struct FetchAnswer(FetchResponse response, short version, ReadIsolation isolation)
{
    private const short FirstVersionWithLeader = 12;
    private const short FirstVersionWithEndpoints = 16;

    private FetchResponse.FetchableTopicResponse? _topic;
    private HashSet<NodeId>? _leaders;

    /// <summary>Adds a partition only where its client does not know all of it yet (KIP-227).</summary>
    public void AddIfChanged(FetchPartition partition)
    {
        var read = partition.Read;
        var isNews = read.Records is not null
            || read.Error != ErrorCode.None
            || partition.Diverging is not null
            || partition.PreferredReplica != NodeId.None
            || read.HighWatermark != partition.ToldHighWatermark
            || read.LogStartOffset != partition.ToldLogStart;
        if (isNews) Add(partition);
        else partition.WasServed = false;
    }

    public void Add(FetchPartition partition)
    {
        var read = partition.Read;
        var data = new FetchResponse.PartitionData
        {
            PartitionIndex = partition.Index,
            ErrorCode = read.Error,
            HighWatermark = read.HighWatermark,
            LastStableOffset = read.LastStableOffset,
            LogStartOffset = read.LogStartOffset,
            PreferredReadReplica = partition.PreferredReplica,
            AbortedTransactions = isolation == ReadIsolation.Committed ? [] : null,
            Records = read.Records is null ? RecordsPayload.Empty : new RecordsPayload(read.Records),
        };
        if (partition.Diverging is { } diverging && version >= FirstVersionWithLeader)
        {
            data.DivergingEpoch = new() { Epoch = diverging.Epoch, EndOffset = diverging.End };
        }

        SetLeader(partition, data);
        TopicOf(partition).Partitions.Add(data);

        // An error is told again as long as it lasts.
        partition.ToldHighWatermark = read.Error == ErrorCode.None ? read.HighWatermark : Offset.None;
        partition.ToldLogStart = read.LogStartOffset;
        partition.WasServed = read.Records is not null;
        partition.Read = read with { Records = null };
    }

    /// <summary>Adds the addresses of the leaders that were named (KIP-951).</summary>
    public readonly void AddLeaders(IBrokerDirectory brokers)
    {
        if (_leaders is null || version < FirstVersionWithEndpoints) return;
        foreach (var broker in brokers.Brokers)
        {
            if (!_leaders.Contains(broker.Node)) continue;
            response.NodeEndpoints.Add(
                new() { NodeId = broker.Node, Host = broker.Host, Port = broker.Port, Rack = broker.Rack });
        }
    }

    private void SetLeader(FetchPartition partition, FetchResponse.PartitionData data)
    {
        if (version < FirstVersionWithLeader) return;
        if (data.ErrorCode is not (ErrorCode.NotLeaderOrFollower or ErrorCode.FencedLeaderEpoch)) return;
        data.CurrentLeader = new()
        {
            LeaderId = partition.Leader,
            LeaderEpoch = partition.Replica?.LeaderEpoch ?? partition.LeaderEpoch,
        };
        (_leaders ??= []).Add(partition.Leader);
    }

    private FetchResponse.FetchableTopicResponse TopicOf(FetchPartition partition)
    {
        if (_topic is null || _topic.Topic != partition.Topic || _topic.TopicId != partition.TopicId)
        {
            _topic = new FetchResponse.FetchableTopicResponse { Topic = partition.Topic, TopicId = partition.TopicId };
            response.Responses.Add(_topic);
        }

        return _topic;
    }
}
