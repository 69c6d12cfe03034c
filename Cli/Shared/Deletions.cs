using Loire.Protocol.Client;

namespace Loire.Cli.Shared;

/// <summary>What became of each of several things to delete: one that is refused keeps nothing from the others.</summary>
internal sealed class Deletions
{
    private readonly List<string> _deleted = [];
    private readonly List<(string Name, KafkaClientException Reason)> _refused = [];

    public void Add(string name) => _deleted.Add(name);

    public void Refuse(string name, KafkaClientException reason) => _refused.Add((name, reason));

    /// <exception cref="CliException">Names what was not deleted, and why.</exception>
    public void Report(Output output)
    {
        var refused = _refused.Select(refusal => new { name = refusal.Name, error = refusal.Reason.Message });
        if (output.IsJson || _deleted.Count > 0)
            output.Done($"Deleted {string.Join(", ", _deleted)}.", new { deleted = _deleted, refused });
        if (_refused.Count == 0)
            return;
        throw new CliException(
            _refused.Exists(refusal => refusal.Reason.IsUnreachable) ? ExitCode.Unreachable : ExitCode.Refused,
            $"{_refused.Count} of {_deleted.Count + _refused.Count} are not deleted.\n  "
            + string.Join("\n  ", _refused.Select(refusal => refusal.Reason.Message)));
    }
}
