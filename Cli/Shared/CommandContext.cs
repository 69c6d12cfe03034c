using System.CommandLine;
using Loire.Protocol.Client;

namespace Loire.Cli.Shared;

/// <summary>What a command runs with.</summary>
internal sealed class CommandContext(ParseResult arguments, CancellationToken cancelled) : IAsyncDisposable
{
    private KafkaClient? _client;

    public Output Output { get; } = new(arguments);

    /// <summary>Set when the user interrupts.</summary>
    public CancellationToken Cancelled { get; } = cancelled;

    /// <summary>The client; connects at its first request.</summary>
    public KafkaClient Client => _client ??= new KafkaClient(new KafkaClientOptions
    {
        BootstrapServers = Get(CommonOptions.Bootstrap)!,
        ClientId = "loire-cli",
        RequestTimeout = Timeout,
        RetryTimeout = Timeout,
    });

    public TimeSpan Timeout => TimeSpan.FromSeconds(Get(CommonOptions.Timeout));

    public T? Get<T>(Option<T> option) => arguments.GetValue(option);

    public T Get<T>(Argument<T> argument) => arguments.GetRequiredValue(argument);

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
    }
}
