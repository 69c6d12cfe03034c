namespace Loire.Protocol.Generator;

/// <summary>C# for a field's type and for one value of it. Text may be null in every expression that takes it.</summary>
internal static class FieldCode
{
    public static string ElementType(Field field) => field.Domain?.Name ?? field.StructName ?? field.Type switch
    {
        WireType.Bool => "bool",
        WireType.Int8 => "sbyte",
        WireType.Int16 => "short",
        WireType.UInt16 => "ushort",
        WireType.Int32 => "int",
        WireType.Int64 => "long",
        WireType.Float64 => "double",
        WireType.Uuid => "Guid",
        WireType.String => "string",
        WireType.Bytes => "ReadOnlySequence<byte>",
        _ => "RecordsPayload",
    };

    public static string PropertyType(Field field)
    {
        string type = field.IsArray ? $"List<{ElementType(field)}>" : ElementType(field);
        return field.IsNullable && (field.IsArray || field.Type != WireType.Records) ? type + "?" : type;
    }

    /// <summary>The initial value, or null where it is the C# type's own.</summary>
    public static string? Initial(Field field)
    {
        if (field.DefaultsToNull) return null;
        if (field.IsArray || field.IsStruct) return "new()";
        return field.Type switch
        {
            WireType.String when field.Domain is null => field.Default ?? "\"\"",
            WireType.String => $"new {field.Domain.Name}({field.Default ?? "\"\""})",
            WireType.Bytes => field.IsNullable ? "ReadOnlySequence<byte>.Empty" : null,
            WireType.Records => "RecordsPayload.Empty",
            _ => field.Default is null ? null : field.Domain is null ? field.Default : $"new({field.Default})",
        };
    }

    /// <summary>Where the value lies: the backing field of what is made lazily, else the property.</summary>
    public static string Storage(Field field) =>
        field.IsLazy ? "_" + char.ToLowerInvariant(field.Name[0]) + field.Name[1..] : field.Name;

    /// <summary>True where the value is what a reader assumes when the field is absent.</summary>
    public static string IsDefault(Field field)
    {
        string value = Storage(field);
        if (field.DefaultsToNull) return field.Type == WireType.Records ? $"{value}.IsNull" : $"{value} is null";
        if (field.IsArray) return field.IsLazy ? $"{value} is null or {{ Count: 0 }}" : $"{value} is {{ Count: 0 }}";
        if (field.IsStruct) return field.IsLazy ? $"{value} is null || {value}.IsDefault()" : $"{value}?.IsDefault() == true";
        return field.Type switch
        {
            WireType.Bool => field.Default is null ? $"!{value}" : value,
            WireType.Uuid => field.Domain is null ? $"{value} == Guid.Empty" : $"{value}.IsNone",
            WireType.String => $"{Text(field, value)} == {field.Default ?? "\"\""}",
            WireType.Bytes => field.IsNullable ? $"{value} is {{ IsEmpty: true }}" : $"{value}.IsEmpty",
            WireType.Records => $"{value} is {{ IsNull: false, SizeBytes: 0 }}",
            _ => $"{Bare(field, value)} == {field.Default ?? "0"}",
        };
    }

    /// <summary>An expression that reads one value, never null.</summary>
    public static string Read(Field field, string compact)
    {
        string path = Quote(field.Path);
        string read = field.Type switch
        {
            WireType.Struct => $"{field.StructName}.Read(ref reader, version)",
            WireType.String or WireType.Bytes or WireType.Records => $"reader.Read{field.Type}({compact}, {path})",
            _ => $"reader.Read{field.Type}({path})",
        };
        if (field.Domain is null) return read;
        return field.Domain.IsEnum ? $"({field.Domain.Name}){read}" : $"new {field.Domain.Name}({read})";
    }

    /// <summary>An expression that reads one value or null, for the versions that allow it.</summary>
    public static string ReadNullable(Field field, string compact)
    {
        string path = Quote(field.Path);
        if (field.IsStruct)
        {
            string presence = field.Tag is null ? "ReadPresence" : "ReadTaggedPresence";
            return $"reader.{presence}({path}) ? {Read(field, compact)} : null";
        }

        string read = $"reader.ReadNullable{field.Type}({compact}, {path})";
        return field.Domain is null ? read : $"{read} is {{ }} text ? new {field.Domain.Name}(text) : null";
    }

    /// <summary>Bytes of one value where they are always the same, else null.</summary>
    public static int? FixedSize(Field field) => field.Type switch
    {
        WireType.Bool or WireType.Int8 => 1,
        WireType.Int16 or WireType.UInt16 => 2,
        WireType.Int32 => 4,
        WireType.Int64 or WireType.Float64 => 8,
        WireType.Uuid => 16,
        _ => null,
    };

    /// <summary>An expression of the bytes that one value takes.</summary>
    public static string Size(Field field, string value, string compact) => FixedSize(field)?.ToString() ?? field.Type switch
    {
        WireType.Struct => $"{value}.SizeOf(version)",
        WireType.String => $"WireSize.String({Text(field, value)}, {compact}, {Quote(field.Path)})",
        _ => $"WireSize.{field.Type}({value}, {compact})",
    };

    /// <summary>A statement that writes one value.</summary>
    public static string Write(Field field, string value, string compact) => field.Type switch
    {
        WireType.Struct => $"{value}.Write(ref writer, version);",
        WireType.String => $"writer.WriteString({Text(field, value)}, {compact});",
        WireType.Bytes or WireType.Records => $"writer.Write{field.Type}({value}, {compact});",
        _ => $"writer.Write{field.Type}({Bare(field, value)});",
    };

    public static string Quote(string text) => $"\"{text}\"";

    private static string Text(Field field, string value) =>
        field.Domain is null ? value : field.IsNullable && !field.IsArray ? $"{value}?.ToString()" : $"{value}.ToString()";

    private static string Bare(Field field, string value) => field.Domain switch
    {
        null => value,
        { IsEnum: true } => $"(short){value}",
        _ => $"{value}.Value",
    };
}
