using Microsoft.Extensions.Logging;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Puts a silo's log into the output of the test that runs: what Loire says, and what Orleans warns of, a line
/// each.</summary>
internal sealed class TestOutputLogs(string silo) : ILoggerProvider
{
    private const int LongestLine = 400;

    private readonly ITestOutputHelper? _output = TestContext.Current.TestOutputHelper;

    public ILogger CreateLogger(string categoryName) => new Writer(
        this, categoryName, categoryName.StartsWith("Loire.", StringComparison.Ordinal) ? LogLevel.Information : LogLevel.Warning);

    public void Dispose()
    {
    }

    private void Write(LogLevel level, string category, string message)
    {
        var line = $"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {silo} {level} {category}: {message}".ReplaceLineEndings(" ");
        try
        {
            _output?.WriteLine(line.Length > LongestLine ? line[..LongestLine] : line);
        }
        catch (InvalidOperationException)
        {
            // The test is over, and nobody reads any more.
        }
    }

    private sealed class Writer(TestOutputLogs logs, string category, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) logs.Write(logLevel, category, $"{formatter(state, exception)} {exception}");
        }
    }
}
