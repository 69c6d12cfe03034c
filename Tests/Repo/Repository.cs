using Loire.Bench.Processes;

namespace Loire.Tests.Repo;

/// <summary>The checked-out tree that these tests were built from.</summary>
internal static class Repository
{
    public static string Root => Checkout.Root;

    /// <summary>The C# files that people write: no build output, nothing generated.</summary>
    public static IEnumerable<string> SourceFiles() =>
        Directory.EnumerateFiles(Root, "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(file => !file.Split('/').Any(part => part is "bin" or "obj" or "node_modules" || part.StartsWith('.')))
            .Order(StringComparer.Ordinal);

    public static string Read(string relativePath) => File.ReadAllText(Path.Combine(Root, relativePath));
}
