namespace Loire.Protocol.Generator;

/// <summary>The wire types that are no structs; <see cref="Struct"/> stands for those that are.</summary>
internal enum WireType
{
    Bool,
    Int8,
    Int16,
    UInt16,
    Int32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Struct,
}

/// <summary>One message: a request, a response, a header or a data record.</summary>
/// <param name="Unstable">The top version where Kafka keeps it off by default: readable, never advertised.</param>
internal sealed record Message(
    string Name, string Kind, int? ApiKey, VersionRange Versions, int? Unstable, VersionRange Flexible, Struct Root,
    IReadOnlyList<Struct> Structs);

/// <param name="Versions">The versions of its message in which it can occur.</param>
internal sealed record Struct(string Name, VersionRange Versions, IReadOnlyList<Field> Fields);

/// <param name="Path">What errors call the field: message, structure, field.</param>
/// <param name="Versions">The versions of its structure that carry it.</param>
/// <param name="Default">C# of the value where the schema gives one that is not the type's own.</param>
internal sealed record Field(
    string Name, string Path, WireType Type, bool IsArray, string? StructName, DomainType? Domain, VersionRange Versions,
    VersionRange Nullable, int? Tag, bool NeverCompact, bool Ignorable, bool DefaultsToNull, string? Default)
{
    public bool IsNullable => !Nullable.IsEmpty;

    public bool IsStruct => Type == WireType.Struct;

    /// <summary>Made when first asked for: most versions of most messages leave it empty.</summary>
    public bool IsLazy => !IsNullable && (IsArray || IsStruct);
}

internal sealed class SchemaException(string file, string message) : Exception(message)
{
    public string File { get; } = file;
}
