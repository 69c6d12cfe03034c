using System.Text.Json;

namespace Loire.Bench.Client;

/// <summary>Figures as lines of JSON for the program that keeps the report.</summary>
internal static class Figures
{
    public static void Write(string name, double value, string unit) =>
        Console.Out.WriteLine(JsonSerializer.Serialize(new { name, value, unit }));
}
