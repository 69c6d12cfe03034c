using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Loire.Cli.Shared;

/// <summary>What a number on the command line may be: any other is a wrong command line, found out before anything is done.</summary>
internal static class Bounds
{
    /// <summary>A day: as good as for ever, and within what timers can count.</summary>
    public static readonly TimeSpan TimeMax = TimeSpan.FromDays(1);

    public static TOption Within<TOption, T>(this TOption option, T least, T most)
        where TOption : Option
        where T : INumber<T>
    {
        option.Validators.Add(result => Check<T>(result, value => value >= least && value <= most, $"{least} to {most}"));
        return option;
    }

    public static TOption AtLeast<TOption, T>(this TOption option, T least)
        where TOption : Option
        where T : INumber<T>
    {
        option.Validators.Add(result => Check<T>(result, value => value >= least, $"{least} or more"));
        return option;
    }

    /// <summary>What is no number at all the parser refuses.</summary>
    private static void Check<T>(OptionResult result, Func<T, bool> isAllowed, string expected)
        where T : INumber<T>
    {
        foreach (var token in result.Tokens.Select(token => token.Value))
        {
            if (T.TryParse(token, CultureInfo.InvariantCulture, out var value) && !isAllowed(value))
                result.AddError($"{result.Option.Name} {token}: expected {expected}.");
        }
    }
}
