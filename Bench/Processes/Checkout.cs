namespace Loire.Bench.Processes;

/// <summary>The checked-out tree that this program was built from.</summary>
public static class Checkout
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Orleans.sln"))) return directory.FullName;
        }

        throw new InvalidOperationException($"There is no Orleans.sln above {AppContext.BaseDirectory}: run it in a checkout.");
    }
}
