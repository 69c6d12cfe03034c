using Loire.Broker.Groups;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>OffsetFetch, versions 1-10: the committed offsets of a group, from version 8 on of several, topics by name or,
/// from version 10 on, by id; all of a group where no topics are given (from version 2 on).
/// <para>There are no transactional offsets yet: RequireStable waits for commits in flight and is never answered
/// UNSTABLE_OFFSET_COMMIT.</para></summary>
public sealed class OffsetFetchHandler(IGroupCoordinators coordinators, ITopicCatalog catalog)
    : RequestHandler<OffsetFetchRequest, OffsetFetchResponse>
{
    private const short TopLevelErrorFrom = 2;
    private const short SeveralGroupsFrom = 8;
    private const short TopicIdsFrom = 10;

    public override async ValueTask<OffsetFetchResponse> HandleAsync(RequestContext context, OffsetFetchRequest request)
    {
        if (context.ApiVersion >= SeveralGroupsFrom)
        {
            var groups = await Task.WhenAll(WithoutRepeats(request.Groups).Select(group => FetchAsync(context, request, group)));
            return new OffsetFetchResponse { Groups = [.. groups] };
        }
        var only = await FetchAsync(context, request, WithoutRepeats([ToGroup(request)]).Single());
        var response = new OffsetFetchResponse { ErrorCode = only.ErrorCode };

        // Version 1 has no place for an error but its partitions.
        if (only.ErrorCode != ErrorCode.None && context.ApiVersion < TopLevelErrorFrom)
        {
            only.Topics = [.. (request.Topics ?? []).Select(topic => new OffsetFetchResponse.OffsetFetchResponseTopics
            {
                Name = topic.Name,
                Partitions = [.. topic.PartitionIndexes.Select(index => Nothing(index, only.ErrorCode))],
            })];
        }
        foreach (var topic in only.Topics)
            response.Topics.Add(ToOldForm(topic));
        return response;
    }

    /// <summary>The answer to a partition, and more so to "all", may be a thousand times as long as its question. So what is
    /// asked twice is answered once.</summary>
    private static List<OffsetFetchRequest.OffsetFetchRequestGroup> WithoutRepeats(
        List<OffsetFetchRequest.OffsetFetchRequestGroup> groups)
    {
        var wholeGroups = new HashSet<GroupId>();
        var partitions = new HashSet<(GroupId, TopicName, TopicId, PartitionIndex)>();
        groups.RemoveAll(group => group.Topics is null && !wholeGroups.Add(group.GroupId));
        foreach (var group in groups)
        {
            foreach (var topic in group.Topics ?? [])
                topic.PartitionIndexes.RemoveAll(index => !partitions.Add((group.GroupId, topic.Name, topic.TopicId, index)));
        }
        return groups;
    }

    private static OffsetFetchRequest.OffsetFetchRequestGroup ToGroup(OffsetFetchRequest request) => new()
    {
        GroupId = request.GroupId,
        Topics = request.Topics?.ConvertAll(topic => new OffsetFetchRequest.OffsetFetchRequestTopics
        {
            Name = topic.Name,
            PartitionIndexes = topic.PartitionIndexes,
        }),
    };

    private static OffsetFetchResponse.OffsetFetchResponseTopic ToOldForm(
        OffsetFetchResponse.OffsetFetchResponseTopics topic) => new()
        {
            Name = topic.Name,
            Partitions = topic.Partitions.ConvertAll(partition => new OffsetFetchResponse.OffsetFetchResponsePartition
            {
                PartitionIndex = partition.PartitionIndex,
                CommittedOffset = partition.CommittedOffset,
                CommittedLeaderEpoch = partition.CommittedLeaderEpoch,
                Metadata = partition.Metadata,
                ErrorCode = partition.ErrorCode,
            }),
        };

    private static OffsetFetchResponse.OffsetFetchResponsePartitions Nothing(PartitionIndex partition, ErrorCode error) => new()
    {
        PartitionIndex = partition,
        CommittedOffset = Offset.None,
        Metadata = "",
        ErrorCode = error,
    };

    /// <summary>An offset committed for a topic's predecessor of the same name is none of this one's.</summary>
    /// <param name="topic">None where the topic is not known here.</param>
    private static bool IsOf(TopicId topic, CommittedOffset offset) =>
        topic.IsNone || offset.TopicId.IsNone || offset.TopicId == topic;

    private static OffsetFetchResponse.OffsetFetchResponsePartitions ToPartition(FetchedOffset fetched, TopicId topic)
    {
        if (fetched.Value is not { } offset || !IsOf(topic, offset))
            return Nothing(fetched.Partition.Partition, ErrorCode.None);
        return new OffsetFetchResponse.OffsetFetchResponsePartitions
        {
            PartitionIndex = fetched.Partition.Partition,
            CommittedOffset = offset.Offset,
            CommittedLeaderEpoch = offset.LeaderEpoch,
            Metadata = offset.Metadata,
        };
    }

    private async Task<OffsetFetchResponse.OffsetFetchResponseGroup> FetchAsync(
        RequestContext context, OffsetFetchRequest request, OffsetFetchRequest.OffsetFetchRequestGroup group)
    {
        var metadata = catalog.Current;
        var byId = context.ApiVersion >= TopicIdsFrom;
        var partitions = new List<TopicPartition>();
        var topics = new List<AskedTopic>();
        foreach (var topic in group.Topics ?? [])
        {
            var known = byId ? metadata.Find(topic.TopicId) : metadata.Find(topic.Name);
            TopicName? name = byId ? known?.Name : topic.Name;
            topics.Add(new AskedTopic(topic, name, known?.Id ?? TopicId.None));
            if (name is not null)
                partitions.AddRange(topic.PartitionIndexes.Select(index => new TopicPartition(name.Value, index)));
        }
        var reply = await coordinators.AskAsync<OffsetFetchReply>(
            group.GroupId,
            replyTo => new OffsetFetchCommand(
                group.GroupId, group.Topics is null ? null : partitions, request.RequireStable, replyTo),
            context.Aborted);
        var answer = new OffsetFetchResponse.OffsetFetchResponseGroup { GroupId = group.GroupId, ErrorCode = reply.Error };
        if (reply.Error != ErrorCode.None)
            return answer;
        answer.Topics = group.Topics is null ? All(reply, metadata, byId) : Asked(reply, topics);
        return answer;
    }

    private static List<OffsetFetchResponse.OffsetFetchResponseTopics> Asked(OffsetFetchReply reply, List<AskedTopic> topics)
    {
        var next = 0;
        return topics.ConvertAll(topic => new OffsetFetchResponse.OffsetFetchResponseTopics
        {
            Name = topic.Asked.Name,
            TopicId = topic.Asked.TopicId,
            Partitions = topic.Asked.PartitionIndexes.ConvertAll(index => topic.Name is null
                ? Nothing(index, ErrorCode.UnknownTopicId)
                : ToPartition(reply.Offsets[next++], topic.Id)),
        });
    }

    /// <summary>Topics that have no id any more cannot be named in an answer by id, and are left out; so is what was
    /// committed for predecessors.</summary>
    private static List<OffsetFetchResponse.OffsetFetchResponseTopics> All(
        OffsetFetchReply reply, MetadataSnapshot metadata, bool byId)
    {
        var topics = new List<OffsetFetchResponse.OffsetFetchResponseTopics>();
        foreach (var topic in reply.Offsets.GroupBy(offset => offset.Partition.Topic))
        {
            var id = metadata.Find(topic.Key)?.Id ?? TopicId.None;
            var own = topic.Where(offset => IsOf(id, offset.Value!)).Select(offset => ToPartition(offset, id)).ToList();
            if (own.Count == 0 || (byId && id.IsNone))
                continue;
            topics.Add(new OffsetFetchResponse.OffsetFetchResponseTopics
            {
                Name = topic.Key,
                TopicId = byId ? id : TopicId.None,
                Partitions = own,
            });
        }
        return topics;
    }

    /// <param name="Name">Null where the topic is asked for by an id that is not known.</param>
    /// <param name="Id">None where the topic is not known.</param>
    private sealed record AskedTopic(OffsetFetchRequest.OffsetFetchRequestTopics Asked, TopicName? Name, TopicId Id);
}
