using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using static Loire.Protocol.Messages.DescribeLogDirsResponse;

namespace Loire.Broker.Handlers;

/// <summary>DescribeLogDirs, versions 0 to 5. There is one directory. A partition's size is that of its live batches:
/// partitions share the journal's files, so the directory takes more room than its partitions together.</summary>
public sealed class DescribeLogDirsHandler(ITopicCatalog catalog, IPartitionDirectory partitions, ILogStore store)
    : RequestHandler<DescribeLogDirsRequest, DescribeLogDirsResponse>
{
    public override ValueTask<DescribeLogDirsResponse> HandleAsync(RequestContext context, DescribeLogDirsRequest request)
    {
        var space = store.GetSpace();
        var topics = request.Topics is null
            ? catalog.Current.Topics.Select(topic => Describe(topic.Name, topic.Partitions.Select(partition => partition.Index)))
            : request.Topics.Select(topic => Describe(topic.Topic, topic.Partitions.Distinct()));
        var directory = new DescribeLogDirsResult
        {
            ErrorCode = store.Failure is null ? ErrorCode.None : ErrorCode.KafkaStorageError,
            LogDir = store.DataDirectory,
            Topics = [.. topics.Where(topic => topic.Partitions.Count > 0)],
            TotalBytes = space.TotalBytes,
            UsableBytes = space.UsableBytes,
        };
        return ValueTask.FromResult(new DescribeLogDirsResponse { Results = [directory] });
    }

    private DescribeLogDirsTopic Describe(TopicName topic, IEnumerable<PartitionIndex> indexes)
    {
        var described = new DescribeLogDirsTopic { Name = topic };
        foreach (var index in indexes)
        {
            var found = partitions.Find(topic, index);
            if ((found.Replica ?? found.Follower) is { } replica)
            {
                described.Partitions.Add(new DescribeLogDirsPartition
                {
                    PartitionIndex = index,
                    PartitionSize = replica.SizeBytes,
                });
            }
        }

        return described;
    }
}
