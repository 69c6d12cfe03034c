using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Loire.Protocol.Records;

namespace Loire.Tests.Protocol;

/// <summary>Holds a message's values against their JSON: bytes and uuids are hex text there, domain types are bare.</summary>
internal static class JsonProjection
{
    /// <summary>The first difference as a path with both values, or null where every JSON value is found.</summary>
    public static string? Difference(JsonElement expected, object? actual, string path)
    {
        if (actual is RecordsPayload records) actual = records.IsNull ? null : records.Bytes;
        if (expected.ValueKind == JsonValueKind.Null) return actual is null ? null : $"{path}: null expected, {actual} found";
        if (expected.ValueKind == JsonValueKind.Array)
        {
            object?[] items = [.. ((IList)actual!).Cast<object?>()];
            if (items.Length != expected.GetArrayLength())
                return $"{path}: {expected.GetArrayLength()} elements expected, {items.Length} found";
            return items.Select((item, i) => Difference(expected[i], item, $"{path}[{i}]")).FirstOrDefault(d => d is not null);
        }

        if (expected.ValueKind == JsonValueKind.Object)
        {
            return expected.EnumerateObject()
                .Select(p => Difference(p.Value, Property(actual!, p.Name), $"{path}.{p.Name}"))
                .FirstOrDefault(d => d is not null);
        }

        string text = Text(actual);
        string expectedText = actual is double ? Text(expected.GetDouble()) : expected.ToString();
        return text == expectedText ? null : $"{path}: {expectedText} expected, {text} found";
    }

    private static object? Property(object owner, string name)
    {
        const BindingFlags AnyCase = BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase;
        PropertyInfo property = owner.GetType().GetProperty(name, AnyCase)
            ?? throw new InvalidOperationException($"{owner.GetType().Name} has no {name}");
        return property.GetValue(owner);
    }

    private static string Text(object? value) => value switch
    {
        null => "null",
        ReadOnlySequence<byte> bytes => Convert.ToHexStringLower(bytes.ToArray()),
        Guid uuid => uuid.ToString("N"),
        bool flag => flag ? "True" : "False",
        Enum code => Convert.ToInt16(code, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        string text => text,
        _ => Text(value.GetType().GetProperty("Value")!.GetValue(value)),
    };
}
