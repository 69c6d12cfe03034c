using Loire.Broker.Ports;

namespace Loire.Broker.Handlers;

/// <summary>The engine as the handlers see it.</summary>
public sealed record BrokerPorts(
    ITopicCatalog Catalog,
    IBrokerConfigs Configs,
    IPartitionDirectory Partitions,
    IPartitionControl PartitionControl,
    IReplicaAuthority Followers,
    IBrokerDirectory Brokers,
    IBrokerRegistry Registry,
    IGroupCoordinators Groups,
    IProducerIds ProducerIds,
    ILogStore Store);
