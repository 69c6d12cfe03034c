using System.Buffers;
using Loire.Protocol;

namespace Loire.Broker.Topics;

/// <summary>Which topic names are legal, internal, or collide.</summary>
public static class TopicNames
{
    public const int MaxLength = 249;

    public static readonly TopicName ConsumerOffsets = new("__consumer_offsets");
    public static readonly TopicName TransactionState = new("__transaction_state");

    /// <summary>Kafka keeps its own metadata under this name: nobody may create it.</summary>
    public static readonly TopicName ClusterMetadata = new("__cluster_metadata");

    private static readonly SearchValues<char> LegalCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>Why a name is not legal; null where it is.</summary>
    public static string? FindFault(TopicName name)
    {
        var value = name.Value ?? "";
        if (value.Length == 0)
            return "Topic name is invalid: it is empty.";
        if (value is "." or "..")
            return $"Topic name is invalid: '{value}' is not allowed.";
        if (value.Length > MaxLength)
            return $"Topic name is invalid: it has {value.Length} characters, the most are {MaxLength}.";
        var legal = value.AsSpan().IndexOfAnyExcept(LegalCharacters) < 0;
        return legal ? null : $"Topic name '{value}' is invalid: only ASCII letters, digits, '.', '_' and '-' are allowed.";
    }

    public static bool IsInternal(TopicName name) => name == ConsumerOffsets || name == TransactionState;

    /// <summary>Equal for names that differ only by '.' and '_', which metric names cannot tell apart; null where the name
    /// has neither.</summary>
    public static string? CollisionKey(TopicName name) =>
        name.Value.AsSpan().ContainsAny('.', '_') ? name.Value.Replace('.', '_') : null;
}
