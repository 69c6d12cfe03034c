namespace Loire.Protocol.Generator;

/// <summary>Writes <c>MessageCatalog</c>: what is fixed for every message, and which belong to which API.</summary>
internal static class CatalogEmitter
{
    public static string Emit(IReadOnlyList<Message> messages)
    {
        var source = new SourceText();
        source.Line(MessageEmitter.FileHeader + "using Loire.Protocol.Wire;");
        source.Line();
        source.Line("namespace Loire.Protocol.Messages;");
        source.Line();
        source.Line("/// <summary>All messages, and the request and response of each API.</summary>");
        source.Block("public static class MessageCatalog", () =>
        {
            // Fields: a process that starts would have to compile every property's getter for the lists below.
            foreach (Message message in messages)
                source.Line($"public static readonly MessageInfo {message.Name} = {Info(message)};");
            source.Line();
            source.Line("/// <summary>Ordered by name.</summary>");
            string all = string.Join(", ", messages.Select(m => m.Name));
            source.Line($"public static IReadOnlyList<MessageInfo> Messages {{ get; }} = [{all}];");
            source.Line();
            source.Line("/// <summary>Ordered by API key.</summary>");
            source.Line($"public static IReadOnlyList<ApiMessages> Apis {{ get; }} = [{string.Join(", ", Apis(messages))}];");
            source.Line();
            source.Line("private static readonly Dictionary<ApiKey, ApiMessages> ByKey = Apis.ToDictionary(a => a.ApiKey);");
            source.Line();
            source.Line("/// <summary>The messages of an API, or null for a key that is none.</summary>");
            source.Line("public static ApiMessages? Find(ApiKey key) => ByKey.GetValueOrDefault(key);");
        });
        return source.ToString();
    }

    private static string Info(Message message)
    {
        string apiKey = message.ApiKey is null ? "null" : $"ApiKey.{ApiName(message)}";
        int highest = message.Unstable == message.Versions.To ? message.Versions.To - 1 : message.Versions.To;
        string flexible = message.Flexible.IsEmpty ? "short.MaxValue" : message.Flexible.From.ToString();
        return $"new(\"{message.Name}\", {apiKey}, {message.Versions.From}, {highest}, {flexible})";
    }

    private static IEnumerable<string> Apis(IReadOnlyList<Message> messages) => messages
        .Where(m => m.Kind == "request")
        .OrderBy(m => m.ApiKey)
        .Select(m => $"new(ApiKey.{ApiName(m)}, {m.Name}, {ApiName(m)}Response)");

    private static string ApiName(Message message) => message.Name[..^message.Kind.Length];
}
