using System.CommandLine;

namespace Loire.Cli.Configs;

/// <summary>NAME=VALUE pairs on the command line.</summary>
internal static class Assignments
{
    public static Option<string[]> Option(string name, string alias, string description)
    {
        var option = new Option<string[]>(name, alias) { Description = description, DefaultValueFactory = _ => [] };
        option.Validators.Add(result => Check(result.Tokens.Select(token => token.Value), result.AddError));
        return option;
    }

    public static Argument<string[]> Argument(string name, string description)
    {
        var argument = new Argument<string[]>(name) { Description = description, Arity = ArgumentArity.OneOrMore };
        argument.Validators.Add(result => Check(result.Tokens.Select(token => token.Value), result.AddError));
        return argument;
    }

    public static IEnumerable<(string Name, string Value)> Split(string[]? pairs)
    {
        foreach (var pair in pairs ?? [])
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            yield return (pair[..equals], pair[(equals + 1)..]);
        }
    }

    private static void Check(IEnumerable<string> pairs, Action<string> addError)
    {
        foreach (var pair in pairs.Where(pair => pair.IndexOf('=', StringComparison.Ordinal) <= 0))
            addError($"'{pair}' is not NAME=VALUE.");
    }
}
