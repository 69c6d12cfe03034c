using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Spectre.Console;

namespace Loire.Cli.Shared;

/// <summary>Prints results: tables for people, JSON for programs. Messages and progress go to the error stream, so that
/// results can be piped.</summary>
internal sealed class Output
{
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSerializerOptions OneLine = new(Indented) { WriteIndented = false };

    private const int PipeWidth = 10_000;

    private readonly TextWriter _error;
    private readonly bool _toConsole;

    public Output(ParseResult arguments)
    {
        IsJson = arguments.GetValue(CommonOptions.Json);
        _error = TextWriter.Synchronized(arguments.InvocationConfiguration.Error);
        _toConsole = ReferenceEquals(arguments.InvocationConfiguration.Output, Console.Out);
        Writer = _toConsole && Console.IsOutputRedirected ? StandardOutput.Open() : arguments.InvocationConfiguration.Output;
    }

    public bool IsJson { get; }

    /// <summary>May be buffered: it is flushed at a command's end, and by who prints for long.</summary>
    public TextWriter Writer { get; }

    /// <summary>Whether somebody watches, so that progress is worth drawing.</summary>
    public bool IsWatched => _toConsole && !Console.IsErrorRedirected && !IsJson;

    /// <summary>Rows as a table, or as a JSON array of the same objects.</summary>
    public void Rows<T>(IReadOnlyCollection<T> rows, params (string Header, Func<T, object?> Cell)[] columns)
    {
        if (IsJson)
        {
            Json(rows);
            return;
        }
        // Lines and colours are for people; what reads a pipe gets aligned columns.
        var isDrawn = _toConsole && !Console.IsOutputRedirected;
        var table = new Table().Border(isDrawn ? TableBorder.Rounded : TableBorder.None).BorderColor(Color.Grey);
        foreach (var (header, _) in columns)
            table.AddColumn(new TableColumn(new Text(header, new Style(decoration: Decoration.Bold))).NoWrap());
        foreach (var row in rows)
            table.AddRow(columns.Select(column => new Text(Convert.ToString(column.Cell(row), Invariant) ?? "")));
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Writer),
            Ansi = isDrawn ? AnsiSupport.Detect : AnsiSupport.No,
        });
        if (!isDrawn)
            console.Profile.Width = PipeWidth;
        console.Write(table);
    }

    /// <summary>A sentence that says what was done, or its facts in JSON.</summary>
    public void Done(string sentence, object facts)
    {
        if (IsJson)
            Json(facts);
        else
            Writer.WriteLine(sentence);
    }

    /// <summary>Bytes as they are, where a file or a program reads them; on a screen, what is no UTF-8 is replaced.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        if (Writer is not StreamWriter pipe || Utf8.IsValid(bytes))
        {
            Writer.Write(Encoding.UTF8.GetString(bytes));
            return;
        }
        pipe.Flush();
        pipe.BaseStream.Write(bytes);
    }

    public void Json(object value) => Writer.WriteLine(JsonSerializer.Serialize(value, Indented));

    public void JsonLine(object value) => Writer.WriteLine(JsonSerializer.Serialize(value, OneLine));

    public void Error(string message) => _error.WriteLine("error: " + message);

    /// <summary>Something that is not as the user may think, for programs' users, too.</summary>
    public void Warn(string message) => _error.WriteLine("warning: " + message);

    public void Note(string message)
    {
        if (!IsJson)
            _error.WriteLine(message);
    }

    /// <summary>Draws a bar while work goes on, where somebody watches.</summary>
    /// <param name="total">How much there is to do; null where nobody knows, and nothing is drawn.</param>
    /// <param name="work">Reports how much more is done.</param>
    public async Task WithProgressAsync(string title, double? total, Func<Action<double>, Task> work)
    {
        if (!IsWatched || total is not { } all)
        {
            await work(_ => { });
            return;
        }
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(_error) });
        await console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async progress =>
            {
                var task = progress.AddTask(title, maxValue: all);
                await work(task.Increment);
            });
    }

    private static readonly System.Globalization.CultureInfo Invariant = System.Globalization.CultureInfo.InvariantCulture;
}
