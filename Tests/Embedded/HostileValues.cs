using System.Text.Json;
using Loire.Protocol;
using Loire.Tests.Broker.Partitions;

namespace Loire.Tests.Embedded;

/// <summary>Fills requests with what the broker has and what it cannot have: names of topics and groups, with members, that
/// exist, numbers at the ends of their types, settings with values out of range, batches with a flipped byte.</summary>
internal sealed class HostileValues
{
    /// <summary>Requests that change or delete what they name do not get to name this topic.</summary>
    public const string KeptTopic = "kept";

    /// <summary>Has one partition at first.</summary>
    public const string OtherTopic = "other";

    private static readonly HashSet<ApiKey> Destructive =
    [
        ApiKey.Produce, ApiKey.DeleteTopics, ApiKey.DeleteRecords, ApiKey.CreatePartitions, ApiKey.AlterConfigs,
        ApiKey.IncrementalAlterConfigs, ApiKey.AlterPartitionReassignments,
    ];

    private static readonly string[] OtherTopics = ["", "1", OtherTopic, OtherTopic];
    private static readonly string[] AllTopics = [.. OtherTopics, KeptTopic, "__consumer_offsets"];

    private static readonly long[] Numbers = [-2, -1, 0, 1, 2, long.MaxValue, long.MinValue];

    /// <summary>Every one is over soon: a huge wait would be a client's good right.</summary>
    private static readonly long[] ShortWaitsMs = [int.MinValue, -1, 0, 1, 20, 20, 20];

    private static readonly long[] Acks = [-2, -1, -1, -1, 0, 1];

    private static readonly string[] Texts = ["", "1", "-1", "99999999999999999999", "delete", "compact,x", "range", "range"];
    private static readonly string[] Groups = ["", "group", "another group"];
    private static readonly string[] ConfigNames = ["retention.ms", "max.message.bytes", "cleanup.policy", "segment.bytes", ""];

    private readonly Guid _keptTopicId;
    private readonly List<string> _members = [""];

    public HostileValues(Guid keptTopicId) => _keptTopicId = keptTopicId;

    /// <summary>Requests to come may name it.</summary>
    public void AddMember(string memberId) => _members.Add(memberId);

    /// <summary>As <see cref="Loire.Tests.Protocol.SchemaSampler.Choice"/> has it. One in four is left to chance.</summary>
    public object? Choose(ApiKey api, JsonElement field, string type, Random random)
    {
        var name = field.GetProperty("name").GetString()!;
        if (name is "MaxWaitMs" or "SessionTimeoutMs") return AnyOf(ShortWaitsMs, random);
        if (name == "Acks") return AnyOf(Acks, random);
        if (name == "ReplicaId" && random.Next(4) != 0) return -1;
        if (random.Next(4) == 0) return null;
        return type switch
        {
            "string" => TextFor(api, name, Entity(field), random),
            "uuid" => Destructive.Contains(api) || random.Next(2) == 0 ? Guid.Empty : _keptTopicId,
            "int8" => AnyNumber(sbyte.MinValue, sbyte.MaxValue, random),
            "int16" => AnyNumber(short.MinValue, short.MaxValue, random),
            "int32" => AnyNumber(int.MinValue, int.MaxValue, random),
            "int64" => AnyNumber(long.MinValue, long.MaxValue, random),
            "records" => AnyBatch(random),
            _ => null,
        };
    }

    private string TextFor(ApiKey api, string field, string? entity, Random random) => (field, entity) switch
    {
        (_, "topicName") or ("ResourceName", _) =>
            AnyOf(Destructive.Contains(api) ? OtherTopics : AllTopics, random),
        (_, "groupId") => AnyOf(Groups, random),
        ("MemberId", _) => AnyOf(_members, random),
        ("ProtocolType", _) => "consumer",
        ("Name" or "ConfigurationKeys", _) when api is ApiKey.CreateTopics or ApiKey.AlterConfigs or ApiKey.IncrementalAlterConfigs
            or ApiKey.DescribeConfigs => AnyOf(ConfigNames, random),
        _ => AnyOf(Texts, random),
    };

    private static byte[] AnyBatch(Random random)
    {
        var batch = Batches.Bytes(records: random.Next(1, 4), producerId: random.Next(-1, 2), producerEpoch: 0, sequence: 0);
        if (random.Next(2) == 0) batch[random.Next(batch.Length)] ^= 0x10;
        return batch;
    }

    private static string? Entity(JsonElement field) => field.TryGetProperty("entity", out var entity) ? entity.GetString() : null;

    private static object AnyNumber(long min, long max, Random random) => Math.Clamp(AnyOf(Numbers, random), min, max);

    private static T AnyOf<T>(IReadOnlyList<T> values, Random random) => values[random.Next(values.Count)];
}
