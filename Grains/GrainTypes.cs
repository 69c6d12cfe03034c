namespace Loire.Grains;

/// <summary>The types of the grains, as they stand in grain ids and so in the storage: never to be changed.</summary>
internal static class GrainTypes
{
    public const string ClusterName = "loire.cluster";
    public const string TopicName = "loire.topic";
    public const string PartitionName = "loire.partition";
    public const string ConsumerGroupName = "loire.group";
    public const string TransactionName = "loire.transaction";

    public static readonly GrainType ConsumerGroup = GrainType.Create(ConsumerGroupName);
}
