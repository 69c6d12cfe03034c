using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Loire.Tests.Repo;

namespace Loire.Tests.Protocol;

/// <summary>Writes random messages straight from their schemas, independently of the generated code.</summary>
internal sealed class SchemaSampler
{
    /// <summary>A value for a field, or for an element of its array: a string, an integer, a Guid for a uuid, a byte[] for bytes
    /// and records, as its type asks. Null leaves it to chance.</summary>
    /// <param name="field">The field as its schema has it.</param>
    /// <param name="type">Its type, or that of its elements.</param>
    public delegate object? Choice(JsonElement field, string type, Random random);

    /// <summary>Above every tag of a schema, so that none comes twice.</summary>
    private const uint UnknownTag = 100_000;

    private readonly JsonElement _schema;
    private readonly Dictionary<string, JsonElement> _structs = new(StringComparer.Ordinal);
    private readonly Choice _choose;

    public SchemaSampler(string message, Choice? choose = null)
    {
        _choose = choose ?? ((_, _, _) => null);
        using var document = JsonDocument.Parse(Repository.Read($"Protocol/Schemas/{message}.json"));
        _schema = document.RootElement.Clone();
        Collect(_schema);
    }

    /// <summary>The most elements an array may have.</summary>
    public int ElementsMax { get; init; } = 3;

    public IEnumerable<short> Versions => Enumerable.Range(0, 100).Where(v => Has(_schema, "versions", v)).Select(v => (short)v);

    /// <summary>A message's bytes with random values: lengths, nulls and tagged fields as the version allows.</summary>
    /// <param name="unknownTags">Adds a tagged field that no version knows to every tag section.</param>
    public byte[] Sample(int seed, short version, bool unknownTags)
    {
        var output = new MemoryStream();
        WriteFields(output, _schema, new Sampling(new Random(seed), version, Has(_schema, "flexible", version), unknownTags));
        return output.ToArray();
    }

    private readonly record struct Sampling(Random Random, int Version, bool Flexible, bool UnknownTags);

    private void Collect(JsonElement owner)
    {
        foreach (JsonElement field in owner.GetProperty("fields").EnumerateArray())
        {
            if (!field.TryGetProperty("fields", out _)) continue;
            _structs[field.GetProperty("type").GetString()!.Replace("[]", "", StringComparison.Ordinal)] = field;
            Collect(field);
        }

        if (!owner.TryGetProperty("structs", out JsonElement shared)) return;
        foreach (JsonElement s in shared.EnumerateArray())
        {
            _structs[s.GetProperty("name").GetString()!] = s;
            Collect(s);
        }
    }

    private void WriteFields(Stream output, JsonElement owner, Sampling s)
    {
        var fields = owner.GetProperty("fields").EnumerateArray().Where(f => Has(f, "versions", s.Version)).ToList();
        foreach (JsonElement field in fields.Where(f => !Has(f, "taggedVersions", s.Version)))
            WriteField(output, field, s, tagged: false);
        if (s.Flexible) WriteTags(output, [.. fields.Where(f => Has(f, "taggedVersions", s.Version))], s);
    }

    private void WriteTags(Stream output, List<JsonElement> fields, Sampling s)
    {
        var present = fields.Where(_ => s.Random.Next(2) == 0).OrderBy(f => f.GetProperty("tag").GetInt32()).ToList();
        WriteUVarint(output, (uint)(present.Count + (s.UnknownTags ? 1 : 0)));
        foreach (JsonElement field in present)
        {
            var value = new MemoryStream();
            WriteField(value, field, s, tagged: true);
            WriteUVarint(output, field.GetProperty("tag").GetUInt32());
            WriteUVarint(output, (uint)value.Length);
            output.Write(value.ToArray());
        }

        if (!s.UnknownTags) return;
        WriteUVarint(output, UnknownTag);
        WriteUVarint(output, 3);
        output.Write([1, 2, 3]);
    }

    /// <summary>A tagged value differs from its default: a default would not be written.</summary>
    private void WriteField(Stream output, JsonElement field, Sampling s, bool tagged)
    {
        string type = field.GetProperty("type").GetString()!;
        bool isArray = type.StartsWith("[]", StringComparison.Ordinal);
        bool compact = s.Flexible && !(field.TryGetProperty("flexible", out JsonElement f) && f.GetString() == "none");
        bool isNull = !tagged && Has(field, "nullable", s.Version) && s.Random.Next(4) == 0;
        bool isStruct = !isArray && _structs.ContainsKey(type);
        if (isStruct && Has(field, "nullable", s.Version)) output.WriteByte(isNull ? (byte)0xFF : (byte)1);
        if (isStruct && isNull) return;
        if (isNull)
        {
            WriteLength(output, -1, compact, isShort: type == "string");
            return;
        }

        if (!isArray)
        {
            WriteValue(output, field, type, s, compact, nonDefault: tagged);
            return;
        }

        int count = s.Random.Next(tagged ? 1 : 0, ElementsMax + 1);
        WriteLength(output, count, compact, isShort: false);
        for (int i = 0; i < count; i++) WriteValue(output, field, type[2..], s, compact, nonDefault: false);
    }

    private void WriteValue(Stream output, JsonElement field, string type, Sampling s, bool compact, bool nonDefault)
    {
        object? chosen = _choose(field, type, s.Random);
        Span<byte> fixedSize = stackalloc byte[16];
        switch (type)
        {
            case "bool":
                output.WriteByte((byte)(nonDefault ? 1 : s.Random.Next(2)));
                break;
            case "int8" or "int16" or "uint16" or "int32" or "int64" or "float64" or "uuid":
                fixedSize = fixedSize[..FixedSize(type)];
                s.Random.NextBytes(fixedSize);
                if (type == "float64") BinaryPrimitives.WriteDoubleBigEndian(fixedSize, s.Random.NextDouble() * 1e9);
                if (nonDefault) fixedSize[0] = 0x55;
                if (chosen is not null) WriteChosen(fixedSize, chosen);
                output.Write(fixedSize);
                break;
            case "string":
                byte[] text = Encoding.UTF8.GetBytes(chosen as string ?? AnyText(s.Random, lengthMin: nonDefault ? 1 : 0));
                WriteLength(output, text.Length, compact, isShort: true);
                output.Write(text);
                break;
            case "bytes" or "records":
                byte[] bytes = chosen as byte[] ?? AnyBytes(s.Random, lengthMin: nonDefault ? 1 : 0);
                WriteLength(output, bytes.Length, compact, isShort: false);
                output.Write(bytes);
                break;
            default:
                WriteStruct(output, type, s, nonDefault);
                break;
        }
    }

    private static void WriteChosen(Span<byte> output, object value)
    {
        if (value is Guid uuid)
        {
            uuid.TryWriteBytes(output, bigEndian: true, out _);
            return;
        }

        Span<byte> widest = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(widest, Convert.ToInt64(value));
        widest[^output.Length..].CopyTo(output);
    }

    private static int FixedSize(string type) =>
        type switch { "int8" => 1, "int16" or "uint16" => 2, "int32" => 4, "uuid" => 16, _ => 8 };

    /// <summary>Up to 70 characters of one, two, three and four bytes: lengths take one varint byte or two.</summary>
    private static string AnyText(Random random, int lengthMin) => string.Concat(
        Enumerable.Range(0, random.Next(lengthMin, 71))
            .Select(_ => random.Next(8) switch { 0 => "é", 1 => "河", 2 => "𝄞", _ => "a" }));

    private static byte[] AnyBytes(Random random, int lengthMin)
    {
        byte[] bytes = new byte[random.Next(lengthMin, 200)];
        random.NextBytes(bytes);
        return bytes;
    }

    private void WriteStruct(Stream output, string type, Sampling s, bool nonDefault)
    {
        long start = output.Position;
        WriteFields(output, _structs[type], s);
        if (nonDefault && output.Position == start) throw new InvalidOperationException($"{type} has no fields");
    }

    private static void WriteLength(Stream output, int length, bool compact, bool isShort)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, length);
        if (compact) WriteUVarint(output, (uint)(length + 1));
        else output.Write(isShort ? bytes[2..] : bytes);
    }

    private static void WriteUVarint(Stream output, uint value)
    {
        for (; value >= 0x80; value >>= 7) output.WriteByte((byte)(value | 0x80));
        output.WriteByte((byte)value);
    }

    private static bool Has(JsonElement element, string property, int version)
    {
        if (!element.TryGetProperty(property, out JsonElement range)) return false;
        string[] ends = range.GetString()!.Split('-');
        if (ends[0] == "none") return false;
        if (ends[0].EndsWith('+')) return version >= int.Parse(ends[0][..^1]);
        return version >= int.Parse(ends[0]) && version <= int.Parse(ends[^1]);
    }
}
