using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Loire.Bench.Report;

/// <summary>The figures of one run: printed as they come, written as JSON at the end.</summary>
public sealed class BenchReport
{
    private const int NameWidth = 64;
    private const int ValueWidth = 18;

    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly TextWriter _output;
    private readonly List<Figure> _figures = [];
    private readonly List<string> _notes = [];
    private string _group = "";

    public BenchReport(MachineDescription machine, TextWriter output)
    {
        Machine = machine;
        _output = output;
        output.WriteLine(machine.ToString());
    }

    public MachineDescription Machine { get; }
    public IReadOnlyList<Figure> Figures => _figures;

    /// <summary>Starts a section; the figures that follow belong to it.</summary>
    public void Begin(string group)
    {
        _group = group;
        _output.WriteLine();
        _output.WriteLine(group);
    }

    public void Add(string name, double value, string unit, Aim? aim = null)
    {
        var figure = new Figure(_group, name, value, unit, aim);
        _figures.Add(figure);
        var line = "  " + name.PadRight(NameWidth) + figure.FormattedValue.PadLeft(ValueWidth);
        _output.WriteLine(aim is null ? line : $"{line}   {Verdict(figure, aim)}");
    }

    /// <summary>Says what a reader must know to understand the figures of this section.</summary>
    public void Note(string text)
    {
        _notes.Add($"{_group}: {text}");
        _output.WriteLine("  " + text);
    }

    public void WriteSummary()
    {
        var aimed = _figures.Where(figure => figure.Aim is not null).ToList();
        if (aimed.Count == 0)
        {
            return;
        }

        var met = aimed.Count(figure => figure.Aim!.IsMetBy(figure.Value));
        _output.WriteLine();
        _output.WriteLine($"{met} of {aimed.Count} aims met");
        foreach (var figure in aimed.Where(figure => !figure.Aim!.IsMetBy(figure.Value)))
        {
            _output.WriteLine($"  NOT met: {figure.Group}: {figure.Name}: {figure.FormattedValue}, aim {Bound(figure.Aim!, figure.Unit)}");
        }
    }

    public void WriteJson(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var figures = _figures.Select(figure => new
        {
            figure.Group,
            figure.Name,
            figure.Value,
            figure.Unit,
            figure.Aim,
            Met = figure.Aim?.IsMetBy(figure.Value),
        });
        var document = new { Machine, Figures = figures, Notes = _notes };
        File.WriteAllText(path, JsonSerializer.Serialize(document, JsonOptions) + "\n");
        _output.WriteLine();
        _output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"written to {path}"));
    }

    private static string Verdict(Figure figure, Aim aim) =>
        $"aim {Bound(aim, figure.Unit)}: {(aim.IsMetBy(figure.Value) ? "met" : "NOT met")}";

    private static string Bound(Aim aim, string unit) =>
        (aim.Kind == AimKind.AtLeast ? "at least " : "at most ") + Figure.Format(aim.Bound, unit);
}
