using System.Buffers;
using System.Buffers.Binary;
using Loire.Broker.Partitions;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;

namespace Loire.Broker.Handlers;

/// <summary>Produce, versions 3 to 13 (topics by id from 13 on). As Kafka, with these differences: transactional batches
/// are refused with INVALID_TXN_STATE; a batch whose offset deltas do not count up is refused rather than written
/// anew.</summary>
public sealed class ProduceHandler(IPartitionDirectory partitions, IBrokerDirectory brokers, TimeProvider time)
    : PipelinedHandler<ProduceRequest, ProduceResponse>
{
    private const short FirstVersionWithZstd = 7;
    private const short FirstVersionWithLeader = 10;
    private const short FirstVersionWithTopicIds = 13;

    /// <summary>What Kafka's own admin tools call themselves: they alone may write to internal topics.</summary>
    private const string AdminClientId = "__admin_client";

    /// <summary>Kafka's own anomaly: librdkafka takes a broker without Produce 0 for one too old to compress.</summary>
    public override short AdvertisedLowestVersion => 0;

    public override async ValueTask<Task<ProduceResponse?>> DispatchAsync(RequestContext context, ProduceRequest request)
    {
        var response = new ProduceResponse { Responses = new(request.TopicData.Count) };
        var partitionCount = 0;
        foreach (var topic in request.TopicData) partitionCount += topic.PartitionData.Count;
        var pending = new PendingProduce(response, partitionCount);

        foreach (var topic in request.TopicData)
        {
            var topicResponse = new ProduceResponse.TopicProduceResponse
            {
                Name = topic.Name,
                TopicId = topic.TopicId,
                PartitionResponses = new(topic.PartitionData.Count),
            };
            response.Responses.Add(topicResponse);
            foreach (var partition in topic.PartitionData)
            {
                var answer = new ProduceResponse.PartitionProduceResponse { Index = partition.Index, BaseOffset = Offset.None };
                topicResponse.PartitionResponses.Add(answer);
                await AppendAsync(context, request, topic, partition, answer, pending);
            }
        }

        if (request.Acks == (short)RequiredAcks.None) return AnswerToNobody(response);
        AddLeaders(context, response);
        pending.Start(time, request.TimeoutMs);
        return pending.Task;
    }

    private async ValueTask AppendAsync(
        RequestContext context,
        ProduceRequest request,
        ProduceRequest.TopicProduceData topic,
        ProduceRequest.PartitionProduceData partition,
        ProduceResponse.PartitionProduceResponse answer,
        PendingProduce pending)
    {
        if (request.Acks is < -1 or > 1)
        {
            Refuse(answer, ErrorCode.InvalidRequiredAcks, $"acks is {request.Acks}; -1, 0 and 1 are possible.");
            return;
        }

        var found = context.ApiVersion >= FirstVersionWithTopicIds
            ? partitions.Find(topic.TopicId, partition.Index)
            : partitions.Find(topic.Name, partition.Index);
        if (found.Replica is not { } replica)
        {
            Refuse(answer, found.Error, message: null);
            SetLeader(context, answer, found);
            return;
        }

        if (TopicNames.IsInternal(replica.Partition.Topic) && context.ClientId != AdminClientId)
        {
            Refuse(answer, ErrorCode.InvalidTopicException, $"{replica.Partition.Topic} is internal; clients cannot write to it.");
            return;
        }

        if (context.ApiVersion < FirstVersionWithZstd && IsZstd(partition.Records.Bytes))
        {
            Refuse(answer, ErrorCode.UnsupportedCompressionType, "zstd needs Produce version 7 or higher.");
            return;
        }

        var acks = (RequiredAcks)request.Acks;
        var waits = acks == RequiredAcks.All;
        var slot = waits ? pending.Add(answer) : -1;
        var result = await replica.AppendAsync(partition.Records.Bytes, acks, waits ? pending : null, slot, context.Aborted);
        answer.LogStartOffset = result.LogStartOffset;
        if (result.Error == ErrorCode.None)
        {
            answer.BaseOffset = result.BaseOffset;
            answer.LogAppendTimeMs = result.LogAppendTimeMs;
            return;
        }

        Refuse(answer, result.Error, result.Message);
        if (waits) pending.OnCommitted(slot, result.Error);
        if (result.Error == ErrorCode.NotLeaderOrFollower) SetLeader(context, answer, found);
        if (!result.RecordErrors.IsDefaultOrEmpty)
        {
            answer.RecordErrors =
            [
                .. result.RecordErrors.Select(error => new ProduceResponse.BatchIndexAndErrorMessage
                {
                    BatchIndex = error.BatchIndex,
                    BatchIndexErrorMessage = error.Message,
                }),
            ];
        }
    }

    private static void Refuse(ProduceResponse.PartitionProduceResponse answer, ErrorCode error, string? message)
    {
        answer.ErrorCode = error;
        answer.ErrorMessage = message;
    }

    private static bool IsZstd(in ReadOnlySequence<byte> batch)
    {
        if (batch.Length < RecordBatchHeader.SizeBytes) return false;
        Span<byte> attributes = stackalloc byte[2];
        batch.Slice(RecordBatchHeader.AttributesPosition, 2).CopyTo(attributes);
        var codec = (BatchAttributes)BinaryPrimitives.ReadInt16BigEndian(attributes) & BatchAttributes.CodecMask;
        return (CompressionCodec)codec == CompressionCodec.Zstd;
    }

    /// <summary>Tells the client at once who leads instead (KIP-951).</summary>
    private static void SetLeader(
        RequestContext context, ProduceResponse.PartitionProduceResponse answer, in PartitionLookup found)
    {
        if (context.ApiVersion < FirstVersionWithLeader || answer.ErrorCode != ErrorCode.NotLeaderOrFollower) return;
        answer.CurrentLeader = new() { LeaderId = found.Leader, LeaderEpoch = found.LeaderEpoch };
    }

    private void AddLeaders(RequestContext context, ProduceResponse response)
    {
        if (context.ApiVersion < FirstVersionWithLeader) return;
        HashSet<NodeId>? leaders = null;
        foreach (var topic in response.Responses)
        {
            foreach (var partition in topic.PartitionResponses)
            {
                if (partition.ErrorCode == ErrorCode.NotLeaderOrFollower) (leaders ??= []).Add(partition.CurrentLeader.LeaderId);
            }
        }

        if (leaders is null) return;
        foreach (var broker in brokers.Brokers)
        {
            if (!leaders.Contains(broker.Node)) continue;
            response.NodeEndpoints.Add(
                new() { NodeId = broker.Node, Host = broker.Host, Port = broker.Port, Rack = broker.Rack });
        }
    }

    /// <summary>With acks=0 nobody reads an answer: closing the connection is how the client learns of an error.</summary>
    private static Task<ProduceResponse?> AnswerToNobody(ProduceResponse response)
    {
        foreach (var topic in response.Responses)
        {
            foreach (var partition in topic.PartitionResponses)
            {
                if (partition.ErrorCode == ErrorCode.None) continue;
                return Task.FromException<ProduceResponse?>(new CloseConnectionException(
                    $"A batch for {topic.Name}-{partition.Index} was refused with {partition.ErrorCode}; acks=0 has no answer."));
            }
        }

        return Task.FromResult<ProduceResponse?>(null);
    }
}
