using System.Text.Json;

namespace Loire.Protocol.Generator;

/// <summary>Reads a schema file. The notation is Kafka's, with versions already cut to what is spoken here.</summary>
internal sealed class SchemaFile
{
    private readonly string _path;
    private readonly string _name;
    private readonly VersionRange _versions;
    private readonly List<Struct> _structs = [];
    private readonly HashSet<string> _fieldNames = new(StringComparer.Ordinal);

    private SchemaFile(string path, JsonElement root)
    {
        _path = path;
        _name = Text(root, "name");
        _versions = VersionRange.Parse(Text(root, "versions"));
        CollectFieldNames(root);
    }

    public static Message Load(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return new SchemaFile(path, document.RootElement).Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new SchemaException(path, e.Message);
        }
    }

    private Message Read(JsonElement root)
    {
        if (root.TryGetProperty("structs", out JsonElement shared))
        {
            foreach (JsonElement s in shared.EnumerateArray())
                AddStruct(Text(s, "name"), VersionRange.Parse(Text(s, "versions")).Intersect(_versions), s);
        }

        return new Message(
            _name, Text(root, "kind"), Number(root, "apiKey"), _versions, Number(root, "unstable"),
            VersionRange.Parse(Text(root, "flexible")).Intersect(_versions),
            new Struct(_name, _versions, ReadFields(root, _name, _versions)), _structs);
    }

    private void AddStruct(string name, VersionRange versions, JsonElement element)
    {
        string className = ClassName(name);
        _structs.Add(new Struct(className, versions, ReadFields(element, $"{_name}.{className}", versions)));
    }

    private List<Field> ReadFields(JsonElement owner, string ownerPath, VersionRange ownerVersions) =>
        [.. owner.GetProperty("fields").EnumerateArray().Select(f => ReadField(f, ownerPath, ownerVersions))];

    private Field ReadField(JsonElement element, string ownerPath, VersionRange ownerVersions)
    {
        string name = Pascal(Text(element, "name"));
        string typeText = Text(element, "type");
        bool isArray = typeText.StartsWith("[]", StringComparison.Ordinal);
        if (isArray) typeText = typeText[2..];
        VersionRange versions = VersionRange.Parse(Text(element, "versions")).Intersect(ownerVersions);
        WireType type = Enum.TryParse(typeText, ignoreCase: true, out WireType primitive) ? primitive : WireType.Struct;
        if (element.TryGetProperty("taggedVersions", out JsonElement tagged)
            && !VersionRange.Parse(tagged.GetString()!).Contains(versions))
            throw new SchemaException(_path, $"{name} is tagged in some of its versions only: the generator does not write that");
        if (element.TryGetProperty("fields", out _)) AddStruct(typeText, versions, element);

        bool hasDefault = element.TryGetProperty("default", out JsonElement value);
        var domain = DomainType.Of(ownerPath, name, typeText, isArray, Optional(element, "entity"));
        return new Field(
            name, $"{ownerPath}.{name}", type, isArray, type == WireType.Struct ? ClassName(typeText) : null, domain, versions,
            VersionRange.Parse(Optional(element, "nullable") ?? "none").Intersect(versions), Number(element, "tag"),
            Optional(element, "flexible") == "none", element.TryGetProperty("ignorable", out JsonElement i) && i.GetBoolean(),
            hasDefault && value.ValueKind == JsonValueKind.Null, hasDefault ? Literal(value) : null);
    }

    /// <summary>A property may not bear the name of a class nested beside it.</summary>
    private string ClassName(string structName) => _fieldNames.Contains(structName) ? structName + "Entry" : structName;

    private void CollectFieldNames(JsonElement owner)
    {
        foreach (string list in (string[])["fields", "structs"])
        {
            if (!owner.TryGetProperty(list, out JsonElement members)) continue;
            foreach (JsonElement member in members.EnumerateArray())
            {
                if (list == "fields") _fieldNames.Add(Pascal(Text(member, "name")));
                CollectFieldNames(member);
            }
        }
    }

    private static string? Literal(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => null,
        JsonValueKind.True => "true",
        JsonValueKind.String => value.GetString()!.Length == 0 ? null : $"\"{value.GetString()}\"",
        _ => value.GetRawText() == "0" ? null : value.GetRawText(),
    };

    private static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];

    private static string Text(JsonElement element, string name) =>
        Optional(element, name) ?? throw new KeyNotFoundException($"\"{name}\" is missing");

    private static string? Optional(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static int? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : null;
}
