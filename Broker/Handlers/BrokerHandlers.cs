using Microsoft.Extensions.Logging;

namespace Loire.Broker.Handlers;

/// <summary>The one list of what a broker serves; ApiVersions derives from it.</summary>
public static class BrokerHandlers
{
    public static IRequestHandler[] Create(BrokerPorts ports, TimeProvider time, ILoggerFactory logs) =>
    [
        new ProduceHandler(ports.Partitions, ports.Brokers, time),
        new FetchHandler(ports.Partitions, ports.Brokers, ports.Configs, ports.Followers, time, logs.CreateLogger<FetchHandler>()),
        new ListOffsetsHandler(ports.Partitions, logs.CreateLogger<ListOffsetsHandler>()),
        new OffsetForLeaderEpochHandler(ports.Partitions),
        new InitProducerIdHandler(ports.ProducerIds),
        new DeleteRecordsHandler(ports.Partitions),
        new MetadataHandler(ports.Catalog, ports.Configs, ports.Brokers),
        new CreateTopicsHandler(ports.Catalog),
        new DeleteTopicsHandler(ports.Catalog, ports.Configs),
        new CreatePartitionsHandler(ports.Catalog),
        new AlterPartitionReassignmentsHandler(ports.PartitionControl, ports.Catalog),
        new ListPartitionReassignmentsHandler(ports.PartitionControl),
        new ElectLeadersHandler(ports.PartitionControl, ports.Catalog),
        new DescribeConfigsHandler(ports.Catalog, ports.Brokers),
        new AlterConfigsHandler(ports.Catalog),
        new IncrementalAlterConfigsHandler(ports.Catalog),
        new ListConfigResourcesHandler(ports.Catalog, ports.Brokers),
        new DescribeClusterHandler(ports.Brokers),
        new UnregisterBrokerHandler(ports.Registry),
        new DescribeTopicPartitionsHandler(ports.Catalog, ports.Configs),
        new DescribeLogDirsHandler(ports.Catalog, ports.Partitions, ports.Store),
        new FindCoordinatorHandler(ports.Groups),
        new JoinGroupHandler(ports.Groups),
        new SyncGroupHandler(ports.Groups),
        new HeartbeatHandler(ports.Groups),
        new LeaveGroupHandler(ports.Groups),
        new OffsetCommitHandler(ports.Groups, ports.Catalog),
        new OffsetFetchHandler(ports.Groups, ports.Catalog),
        new OffsetDeleteHandler(ports.Groups, ports.Catalog),
        new ListGroupsHandler(ports.Groups),
        new DescribeGroupsHandler(ports.Groups),
        new DeleteGroupsHandler(ports.Groups),
    ];
}
