using Loire.Protocol.Generator;

// The schemas of Protocol/Schemas in, one C# file per message and the catalog of all messages out. A file whose text
// would not change is left alone, so that the compiler sees only what did.
if (args.Length != 2)
{
    await Console.Error.WriteLineAsync("usage: Loire.Protocol.Generator <schema folder> <output folder>");
    return 2;
}

try
{
    var messages = Directory.GetFiles(args[0], "*.json").Order(StringComparer.Ordinal).Select(SchemaFile.Load).ToList();
    Directory.CreateDirectory(args[1]);
    var files = messages.ToDictionary(m => m.Name + ".g.cs", MessageEmitter.Emit, StringComparer.Ordinal);
    files["MessageCatalog.g.cs"] = CatalogEmitter.Emit(messages);
    foreach ((string name, string text) in files)
    {
        string path = Path.Combine(args[1], name);
        if (!File.Exists(path) || await File.ReadAllTextAsync(path) != text) await File.WriteAllTextAsync(path, text);
    }

    foreach (string stale in Directory.GetFiles(args[1], "*.g.cs").Where(p => !files.ContainsKey(Path.GetFileName(p))))
        File.Delete(stale);
    return 0;
}
catch (SchemaException e)
{
    await Console.Error.WriteLineAsync($"{e.File}: error LOIRE001: {e.Message}");
    return 1;
}
