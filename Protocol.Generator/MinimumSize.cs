namespace Loire.Protocol.Generator;

/// <summary>The fewest bytes an array's element takes in any version that has it: what a reader holds an announced
/// count against.</summary>
internal static class MinimumSize
{
    public static int OfElement(Message message, Field array) =>
        Enumerable.Range(array.Versions.From, array.Versions.To - array.Versions.From + 1)
            .Min(version => OfValue(message, array with { IsArray = false, Nullable = VersionRange.None }, version));

    private static int OfValue(Message message, Field field, int version)
    {
        bool compact = message.Flexible.Contains(version) && !field.NeverCompact;
        if (field.IsArray) return compact ? 1 : 4;
        return FieldCode.FixedSize(field) ?? field.Type switch
        {
            WireType.Struct => field.Nullable.Contains(version) ? 1 : OfStruct(message, field.StructName!, version),
            WireType.String => compact ? 1 : 2,
            _ => compact ? 1 : 4,
        };
    }

    private static int OfStruct(Message message, string name, int version) =>
        message.Structs.First(s => s.Name == name).Fields
            .Where(f => f.Tag is null && f.Versions.Contains(version))
            .Sum(f => OfValue(message, f, version)) + (message.Flexible.Contains(version) ? 1 : 0);
}
