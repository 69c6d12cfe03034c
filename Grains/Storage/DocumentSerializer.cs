using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Orleans.Storage;

namespace Loire.Grains.Storage;

/// <summary>Writes documents as JSON of a fixed form, in every storage alike. It refuses what it does not know: a state of
/// a newer program must not be read in part and written back.</summary>
internal sealed class DocumentSerializer : IGrainStorageSerializer
{
    public BinaryData Serialize<T>(T? input) => new(JsonSerializer.SerializeToUtf8Bytes(
        input ?? throw new ArgumentNullException(nameof(input)), InfoOf<T>()));

    /// <exception cref="StoredStateException">The text is no document, or of a newer format.</exception>
    public T Deserialize<T>(BinaryData input)
    {
        try
        {
            CheckFormat<T>(input);
            return JsonSerializer.Deserialize(input, InfoOf<T>())
                ?? throw new StoredStateException($"The stored {typeof(T).Name} is empty.");
        }
        catch (JsonException fault)
        {
            throw new StoredStateException($"The stored {typeof(T).Name} cannot be read: {fault.Message}", fault);
        }
    }

    /// <summary>Before anything else is read: a newer format may have any other members.</summary>
    private static void CheckFormat<T>(BinaryData input)
    {
        var head = JsonSerializer.Deserialize(input, DocumentJson.Default.DocumentHead);
        var newest = NewestFormatOf(typeof(T));
        if (head is null || head.Format < 1 || head.Format > newest)
        {
            throw new StoredStateException(
                $"The stored {typeof(T).Name} has format {head?.Format}, this program knows up to {newest}: "
                + "start the program that wrote it, or a newer one.");
        }
    }

    private static int NewestFormatOf(Type document) =>
        document == typeof(TopicDocument) ? TopicDocument.CurrentFormat
        : document == typeof(ClusterDocument) ? ClusterDocument.CurrentFormat
        : document == typeof(TopicNamesDocument) ? TopicNamesDocument.CurrentFormat
        : throw new NotSupportedException($"{document} is not one of Loire's documents.");

    private static JsonTypeInfo<T> InfoOf<T>() =>
        (JsonTypeInfo<T>?)DocumentJson.Default.GetTypeInfo(typeof(T))
        ?? throw new NotSupportedException($"{typeof(T)} is not one of Loire's documents.");
}

internal sealed record DocumentHead(int Format);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(DocumentHead))]
[JsonSerializable(typeof(TopicDocument))]
[JsonSerializable(typeof(ClusterDocument))]
[JsonSerializable(typeof(TopicNamesDocument))]
internal sealed partial class DocumentJson : JsonSerializerContext;
