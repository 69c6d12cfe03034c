using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Handlers;

/// <summary>ListOffsets, versions 0 to 11. As Kafka without tiered storage, with these differences: version 0, which asks
/// for the offsets where segment files begin, is answered as if a log were one segment; where the records of a compressed
/// batch would have to be inflated to more than 16 MB to find one by its timestamp, the batch's first offset is the
/// answer.</summary>
public sealed partial class ListOffsetsHandler(IPartitionDirectory partitions, ILogger<ListOffsetsHandler> logger)
    : RequestHandler<ListOffsetsRequest, ListOffsetsResponse>
{
    // What a negative timestamp asks for.
    private const long Latest = -1;
    private const long Earliest = -2;
    private const long MaxTimestamp = -3;
    private const long EarliestLocal = -4;
    private const long LatestTiered = -5;
    private const long EarliestPendingUpload = -6;

    private const short FirstVersionWithLeaderEpoch = 4;
    private const short FirstVersionWithOffsetNotAvailable = 5;

    public override ValueTask<ListOffsetsResponse> HandleAsync(RequestContext context, ListOffsetsRequest request)
    {
        var isolation = request.IsolationLevel == 1 ? ReadIsolation.Committed : ReadIsolation.Uncommitted;
        var repeated = FindRepeated(request);
        var response = new ListOffsetsResponse { Topics = new(request.Topics.Count) };
        foreach (var topic in request.Topics)
        {
            var answers = new List<ListOffsetsResponse.ListOffsetsPartitionResponse>(topic.Partitions.Count);
            foreach (var partition in topic.Partitions)
            {
                context.Aborted.ThrowIfCancellationRequested();
                answers.Add(repeated.Contains(new(topic.Name, partition.PartitionIndex))
                    ? new() { PartitionIndex = partition.PartitionIndex, ErrorCode = ErrorCode.InvalidRequest }
                    : Answer(context.ApiVersion, topic.Name, partition, isolation));
            }

            response.Topics.Add(new() { Name = topic.Name, Partitions = answers });
        }

        return ValueTask.FromResult(response);
    }

    /// <summary>A search by timestamp may decompress a batch, for a few bytes of request: each partition has one.</summary>
    private static HashSet<TopicPartition> FindRepeated(ListOffsetsRequest request)
    {
        var (asked, repeated) = (new HashSet<TopicPartition>(), new HashSet<TopicPartition>());
        foreach (var topic in request.Topics)
        {
            foreach (var asking in topic.Partitions)
            {
                var partition = new TopicPartition(topic.Name, asking.PartitionIndex);
                if (!asked.Add(partition)) repeated.Add(partition);
            }
        }

        return repeated;
    }

    private ListOffsetsResponse.ListOffsetsPartitionResponse Answer(
        short version, TopicName topic, ListOffsetsRequest.ListOffsetsPartition asked, ReadIsolation isolation)
    {
        var answer = new ListOffsetsResponse.ListOffsetsPartitionResponse { PartitionIndex = asked.PartitionIndex };
        if (version < FirstVersionOf(asked.Timestamp))
        {
            answer.ErrorCode = ErrorCode.UnsupportedVersion;
            return answer;
        }

        var found = partitions.Find(topic, asked.PartitionIndex, asked.CurrentLeaderEpoch);
        answer.ErrorCode = found.Replica is null ? found.Error : LeaderEpochCheck.Check(asked.CurrentLeaderEpoch, found.Replica);
        if (answer.ErrorCode != ErrorCode.None) return answer;
        if (!found.Replica!.KnowsHighWatermark && asked.Timestamp is not (Earliest or EarliestLocal))
        {
            answer.ErrorCode = version >= FirstVersionWithOffsetNotAvailable
                ? ErrorCode.OffsetNotAvailable
                : ErrorCode.LeaderNotAvailable;
            return answer;
        }

        try
        {
            Fill(answer, version, found.Replica!, asked, isolation);
        }
        catch (Exception failure) when (failure is LogStoreException or IOException)
        {
            LogUnreadable(logger, found.Replica!.Partition, asked.Timestamp, failure);
            answer.ErrorCode = ErrorCode.KafkaStorageError;
        }

        return answer;
    }

    private static void Fill(
        ListOffsetsResponse.ListOffsetsPartitionResponse answer,
        short version,
        PartitionReplica replica,
        ListOffsetsRequest.ListOffsetsPartition asked,
        ReadIsolation isolation)
    {
        if (version == 0)
        {
            answer.OldStyleOffsets = OldStyleOffsets(replica, asked);
        }
        else if (Find(replica, asked.Timestamp, isolation) is { } position)
        {
            answer.Offset = position.Offset;
            answer.Timestamp = position.TimestampMs;
            if (version >= FirstVersionWithLeaderEpoch) answer.LeaderEpoch = position.LeaderEpoch;
        }
    }

    private static short FirstVersionOf(long timestamp) => timestamp switch
    {
        >= Earliest => 0,
        MaxTimestamp => 7,
        EarliestLocal => 8,
        LatestTiered => 9,
        EarliestPendingUpload => 11,
        _ => short.MaxValue,
    };

    /// <summary>Null where no record answers the question.</summary>
    private static TimestampedOffset? Find(PartitionReplica replica, long timestamp, ReadIsolation isolation) => timestamp switch
    {
        Latest => new TimestampedOffset(replica.VisibleEnd(isolation), TimestampMs: -1, replica.LeaderEpoch),
        Earliest or EarliestLocal => Start(replica),
        MaxTimestamp => replica.FindMaxTimestamp(isolation),
        LatestTiered or EarliestPendingUpload => null,
        _ => replica.FindByTimestamp(timestamp, isolation),
    };

    private static TimestampedOffset Start(PartitionReplica replica)
    {
        var start = replica.LogStartOffset;
        return new TimestampedOffset(start, TimestampMs: -1, replica.EpochAt(start));
    }

    /// <summary>Where the log begins and, for the latest, ends; from the highest down.</summary>
    private static List<Offset> OldStyleOffsets(PartitionReplica replica, ListOffsetsRequest.ListOffsetsPartition asked)
    {
        var start = replica.LogStartOffset;
        List<Offset> offsets = asked.Timestamp switch
        {
            Latest => replica.HighWatermark > start ? [replica.HighWatermark, start] : [start],
            Earliest => [start],
            _ => replica.FindByTimestamp(asked.Timestamp, ReadIsolation.Uncommitted) is { } found ? [found.Offset] : [],
        };
        var count = Math.Clamp(asked.MaxNumOffsets, 0, offsets.Count);
        return offsets[..count];
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The log of {Partition} cannot be searched for timestamp {TimestampMs}")]
    private static partial void LogUnreadable(ILogger logger, TopicIdPartition partition, long timestampMs, Exception failure);
}
