namespace Loire.Protocol;

/// <summary>A topic's name.</summary>
public readonly record struct TopicName(string Value)
{
    public string Value { get; } = Value ?? "";
    public override string ToString() => Value ?? "";
}

/// <summary>A topic's identity over renames and re-creations (KIP-516). All zero means none.</summary>
public readonly record struct TopicId(Guid Value)
{
    public static TopicId None => default;
    public bool IsNone => Value == Guid.Empty;

    /// <summary>Kafka's textual form: URL-safe base64 without padding.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[16];
        Value.TryWriteBytes(bytes, bigEndian: true, out _);
        return Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }
}

/// <summary>A consumer group's id.</summary>
public readonly record struct GroupId(string Value)
{
    public string Value { get; } = Value ?? "";
    public override string ToString() => Value ?? "";
}

/// <summary>The id a transactional producer keeps over restarts (KIP-98).</summary>
public readonly record struct TransactionalId(string Value)
{
    public string Value { get; } = Value ?? "";
    public override string ToString() => Value ?? "";
}
