namespace Loire.Cli.Shared;

/// <summary>A command cannot go on; the message is for the user.</summary>
internal sealed class CliException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
