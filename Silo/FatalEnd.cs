using Loire.Hosting;

namespace Loire.Silo;

/// <summary>The end of a silo that Orleans cannot go on with: most of all of one that the others have declared dead, because
/// it was paused, overloaded or cut off. It must not serve on: others lead its partitions now. What it acknowledged is
/// on their disks and its own, so it ends as if it were killed, and says in one line why.</summary>
internal sealed class FatalEnd(HostServices services) : IFatalErrorHandler
{
    private const string DeclaredDead = "told I am dead";

    public bool IsUnexpected(Exception exception) => exception is not OperationCanceledException;

    public void OnFatalException(object? sender, string? context, Exception? exception)
    {
        services.Announcer.Failed(
            context?.Contains(DeclaredDead, StringComparison.Ordinal) == true
                ? "The other brokers have declared this one dead, because it did not answer them for some seconds (paused, "
                    + "overloaded or cut off). It ends. Start it again, and it catches up and rejoins."
                : $"The silo cannot go on: {exception?.Message ?? context}. Start it again.");
        // What is logged is printed by then.
        services.Logs.Dispose();
        Environment.Exit(HostProgram.Failed);
    }
}
