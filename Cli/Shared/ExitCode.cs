namespace Loire.Cli.Shared;

/// <summary>What the process ends with; the root command's help documents them.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Refused = 1;
    public const int Usage = 2;
    public const int Unreachable = 3;
    public const int Damaged = 4;
}
