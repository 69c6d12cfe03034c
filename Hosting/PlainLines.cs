using Microsoft.Extensions.Logging;

namespace Loire.Hosting;

/// <summary>Prints what it is told as programs do: on standard output, and what is amiss under the program's name on
/// standard error.</summary>
internal sealed class PlainLines : ILogger
{
    public static readonly PlainLines Instance = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var text = formatter(state, exception);
        if (logLevel < LogLevel.Warning) Console.WriteLine(text);
        else Console.Error.WriteLine("loire: " + text);
    }
}
