using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Loire.Hosting;

/// <summary>A host's logs, and what it says of itself beside them: that it is ready, that it has stopped, why it cannot start.
/// People at a terminal get that in plain lines. Where logs are JSON, whoever collects them reads every line as JSON: there
/// they are entries of the log, whatever levels are asked for.</summary>
public sealed class HostLogs : IDisposable
{
    private HostLogs(ILoggerFactory factory, ILogger announcer)
    {
        Factory = factory;
        Announcer = announcer;
    }

    public ILoggerFactory Factory { get; }

    /// <summary>Takes the <see cref="Announcements"/>.</summary>
    public ILogger Announcer { get; }

    /// <exception cref="UsageException">Loire:LogFormat is no format.</exception>
    public static HostLogs Create(IConfiguration configuration)
    {
        var formatter = ReadFormat(configuration.GetSection(Configuration.Section).GetSection(HostSettings.LogFormat))
            ?? configuration["Logging:Console:FormatterName"];
        var factory = CreateFactory(configuration, formatter);
        var isJson = string.Equals(formatter, ConsoleFormatterNames.Json, StringComparison.OrdinalIgnoreCase);
        return new HostLogs(factory, isJson ? factory.CreateLogger<HostLogs>() : PlainLines.Instance);
    }

    /// <summary>Returns when all that was logged is printed.</summary>
    public void Dispose() => Factory.Dispose();

    /// <returns>The console logger's formatter; null where it is left to Logging:Console.</returns>
    private static string? ReadFormat(IConfigurationSection entry) => entry.Value switch
    {
        null => null,
        "json" => ConsoleFormatterNames.Json,
        "simple" => ConsoleFormatterNames.Simple,
        var other => throw new UsageException($"{entry.Path}: '{other}' is neither simple nor json."),
    };

    /// <summary>What is configured before the logger reads Logging:Console is a default, what is configured after it
    /// wins.</summary>
    private static ILoggerFactory CreateFactory(IConfiguration configuration, string? formatter) => LoggerFactory.Create(builder =>
    {
        builder.AddConfiguration(configuration.GetSection("Logging"));
        builder.AddFilter<ConsoleLoggerProvider>(typeof(HostLogs).FullName, LogLevel.Information);
        builder.Services.Configure<JsonConsoleFormatterOptions>(console =>
        {
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fffK";
        });
        builder.Services.Configure<SimpleConsoleFormatterOptions>(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
        });
        builder.AddConsole();
        // Without a formatter's name the logger formats as it did before there were formatters, and looks at none of their options.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.FormatterName = formatter ?? ConsoleFormatterNames.Simple);
    });
}
