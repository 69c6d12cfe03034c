using System.Text;

namespace Loire.Protocol.Generator;

/// <summary>C# text with the indent kept by blocks.</summary>
internal sealed class SourceText
{
    private readonly StringBuilder _text = new();
    private int _indent;

    public void Line(string line = "")
    {
        if (line.Length > 0) _text.Append(' ', _indent * 4).Append(line);
        _text.Append('\n');
    }

    /// <summary>A header line and its braces, with what <paramref name="body"/> writes between them.</summary>
    public void Block(string header, Action body)
    {
        if (header.Length > 0) Line(header);
        Line("{");
        _indent++;
        body();
        _indent--;
        Line("}");
    }

    /// <summary>What <paramref name="body"/> writes, under a condition unless that is "true".</summary>
    public void When(string condition, Action body)
    {
        if (condition == "true") body();
        else if (condition != "false") Block($"if ({condition})", body);
    }

    public override string ToString() => _text.ToString();
}
