using System.Text.Json;
using Loire.Tests.Repo;

namespace Loire.Tests.Protocol;

/// <summary>One example of each message at each version: its value and its bytes, equal to Kafka's.</summary>
internal sealed record MessageVector(string Message, short Version, JsonElement Value, byte[] Bytes)
{
    public static readonly IReadOnlyList<MessageVector> All = Load();

    public override string ToString() => $"{Message} v{Version}";

    private static List<MessageVector> Load()
    {
        using var document = JsonDocument.Parse(Repository.Read("Tests/Protocol/Vectors/message-vectors.json"));
        return [.. document.RootElement.GetProperty("vectors").EnumerateArray().Select(v => new MessageVector(
            v.GetProperty("message").GetString()!, v.GetProperty("version").GetInt16(), v.GetProperty("value").Clone(),
            Convert.FromHexString(v.GetProperty("hex").GetString()!)))];
    }
}
