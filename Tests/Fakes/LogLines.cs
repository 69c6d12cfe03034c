using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Loire.Tests.Fakes;

/// <summary>Keeps what is logged.</summary>
public sealed class LogLines : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = [];
    private readonly ConcurrentQueue<string> _errors = [];

    public IReadOnlyCollection<string> Lines => _lines;

    /// <summary>Those that tell of an error, by their level or by their exception.</summary>
    public IReadOnlyCollection<string> Errors => _errors;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var line = exception is null ? formatter(state, exception) : $"{formatter(state, exception)}: {exception}";
        _lines.Enqueue(line);
        if (exception is not null || logLevel >= LogLevel.Error) _errors.Enqueue(line);
    }

    public void Dispose()
    {
    }
}
