using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Loire.Bench.Load;

namespace Loire.Bench.Processes;

/// <summary>Runs a load in a process of its own, as producers and consumers are, so that its garbage collector and its
/// threads are not the broker's nor another load's. The process is this program again.</summary>
public static class LoadProcess
{
    /// <summary>First argument of a process that runs a load.</summary>
    public const string Argument = "load";

    public static Task<ProduceResult> StartAsync(ProduceSpec spec) => StartAsync<ProduceSpec, ProduceResult>(spec);

    public static Task<ConsumeResult> StartAsync(ConsumeSpec spec) => StartAsync<ConsumeSpec, ConsumeResult>(spec);

    public static Task<WakeUpResult> StartAsync(WakeUpSpec spec) => StartAsync<WakeUpSpec, WakeUpResult>(spec);

    /// <summary>What such a process does: the load named by its spec's type; the result goes to standard output.</summary>
    public static void Serve(string specType, string spec)
    {
        object result = specType switch
        {
            nameof(ProduceSpec) => ProduceLoad.Run(JsonSerializer.Deserialize<ProduceSpec>(spec)!),
            nameof(ConsumeSpec) => ConsumeLoad.Run(JsonSerializer.Deserialize<ConsumeSpec>(spec)!),
            nameof(WakeUpSpec) => WakeUpLoad.Run(JsonSerializer.Deserialize<WakeUpSpec>(spec)!),
            _ => throw new ArgumentException($"there is no load '{specType}'"),
        };
        Console.Out.WriteLine(JsonSerializer.Serialize(result, result.GetType()));
    }

    /// <exception cref="InvalidOperationException">The load failed; the message is the process's.</exception>
    private static async Task<TResult> StartAsync<TSpec, TResult>(TSpec spec)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(Argument);
        start.ArgumentList.Add(typeof(TSpec).Name);
        start.ArgumentList.Add(JsonSerializer.Serialize(spec));
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            var exitCode = process.ExitCode.ToString(CultureInfo.InvariantCulture);
            throw new InvalidOperationException($"{typeof(TSpec).Name}: the load ended with code {exitCode}: {await errors}");
        }

        return JsonSerializer.Deserialize<TResult>(await output)!;
    }
}
