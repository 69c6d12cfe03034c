namespace Loire.Protocol.Generator;

/// <summary>A type of Protocol/Domain that a field has instead of the bare number or text on the wire.</summary>
/// <param name="IsEnum">An enum is cast; the others wrap the bare value.</param>
internal sealed record DomainType(string Name, bool IsEnum = false)
{
    private static readonly DomainType TopicName = new("TopicName");
    private static readonly DomainType GroupId = new("GroupId");
    private static readonly DomainType TransactionalId = new("TransactionalId");
    private static readonly DomainType ProducerId = new("ProducerId");
    private static readonly DomainType NodeId = new("NodeId");
    private static readonly DomainType LeaderEpoch = new("LeaderEpoch");
    private static readonly DomainType TopicId = new("TopicId");
    private static readonly DomainType PartitionIndex = new("PartitionIndex");
    private static readonly DomainType Offset = new("Offset");
    private static readonly DomainType ErrorCode = new("ErrorCode", IsEnum: true);

    /// <summary>What a field is, by wire type and by name; the first match counts. A name may start with "*", and a
    /// name with a dot applies to that structure alone. Arrays are named in the plural.</summary>
    private static readonly (string Wire, string Name, DomainType Type)[] ByName =
    [
        ("int16", "*ErrorCode", ErrorCode),
        ("uuid", "TopicId", TopicId),
        ("int32", "*LeaderEpoch", LeaderEpoch),
        ("int32", "LastFetchedEpoch", LeaderEpoch),
        ("int32", "FetchResponse.EpochEndOffset.Epoch", LeaderEpoch),
        ("int32", "LeaderId", NodeId),
        ("int32", "Partition", PartitionIndex),
        ("int32", "PartitionIndex", PartitionIndex),
        ("int32", "PartitionId", PartitionIndex),
        ("int32", "ProduceRequest.PartitionProduceData.Index", PartitionIndex),
        ("int32", "ProduceResponse.PartitionProduceResponse.Index", PartitionIndex),
        ("[]int32", "Partitions", PartitionIndex),
        ("[]int32", "PartitionIndexes", PartitionIndex),
        ("[]int32", "PartitionIds", PartitionIndex),
        ("int64", "*Offset", Offset),
        ("int64", "HighWatermark", Offset),
        ("int64", "LowWatermark", Offset),
        ("[]int64", "OldStyleOffsets", Offset),
        ("int64", "ProducerId", ProducerId),
        ("int64", "TransactionLogValue.PreviousProducerId", ProducerId),
        ("int64", "TransactionLogValue.NextProducerId", ProducerId),
        ("string", "GroupId", GroupId),
        ("string", "OffsetCommitKey.Group", GroupId),
        ("string", "LegacyOffsetCommitKey.Group", GroupId),
        ("string", "GroupMetadataKey.Group", GroupId),
        ("string", "Topic", TopicName),
        ("string", "TopicName", TopicName),
        ("string", "TransactionalId", TransactionalId),
    ];

    /// <summary>The schema's own word for what a value names.</summary>
    private static DomainType? ByEntity(string? entity) => entity switch
    {
        "topicName" => TopicName,
        "groupId" => GroupId,
        "transactionalId" => TransactionalId,
        "producerId" => ProducerId,
        "brokerId" => NodeId,
        _ => null,
    };

    public static DomainType? Of(string owner, string field, string wire, bool isArray, string? entity)
    {
        if (ByEntity(entity) is { } named) return named;
        string wireType = isArray ? "[]" + wire : wire;
        return Array.Find(ByName, r => r.Wire == wireType && Matches(r.Name, owner, field)).Type;
    }

    private static bool Matches(string pattern, string owner, string field)
    {
        if (pattern.StartsWith('*')) return field.EndsWith(pattern[1..], StringComparison.Ordinal);
        return pattern == (pattern.Contains('.', StringComparison.Ordinal) ? $"{owner}.{field}" : field);
    }
}
