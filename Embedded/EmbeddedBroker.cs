using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Loire.Embedded;

/// <summary>A real broker inside a .NET process, for tests and tools:
/// <code>
/// await using var broker = await EmbeddedBroker.StartAsync();
/// var producer = new ProducerConfig { BootstrapServers = broker.BootstrapServers };
/// </code>
/// It listens on a free port of the loopback interface and keeps its data in a temporary directory. Several may run in
/// one process. After disposal nothing is left: no port, no thread, no file.</summary>
public sealed class EmbeddedBroker : IAsyncDisposable
{
    private readonly BrokerHost _host;
    private readonly string? _temporaryDirectory;

    private EmbeddedBroker(BrokerHost host, string? temporaryDirectory)
    {
        _host = host;
        _temporaryDirectory = temporaryDirectory;
    }

    /// <summary>What a Kafka client takes as bootstrap.servers.</summary>
    public string BootstrapServers => _host.Address.ToString();

    public string DataDirectory => _host.DataDirectory;

    /// <exception cref="Broker.Ports.KafkaException">INVALID_CONFIG: names the config.</exception>
    public static async Task<EmbeddedBroker> StartAsync(
        EmbeddedBrokerOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new EmbeddedBrokerOptions();
        var temporary = options.DataDirectory is null ? Directory.CreateTempSubdirectory("loire-").FullName : null;
        try
        {
            var host = await BrokerHost.StartAsync(
                new BrokerOptions
                {
                    DataDirectory = options.DataDirectory ?? temporary!,
                    Listen = new HostPort("127.0.0.1", options.Port),
                    Kafka = KafkaOf(options),
                    JournalSegmentBytes = options.JournalSegmentBytes,
                    JournalMemoryBytes = options.JournalMemoryBytes,
                    BatchBytesMax = Math.Min(new BrokerOptions().BatchBytesMax, options.JournalMemoryBytes / 2),
                    StopTimeout = TimeSpan.FromSeconds(1),
                },
                options.LoggerFactory,
                options.TimeProvider,
                cancellationToken);
            return new EmbeddedBroker(host, temporary);
        }
        catch
        {
            Delete(temporary);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        Delete(_temporaryDirectory);
    }

    private static Dictionary<string, string> KafkaOf(EmbeddedBrokerOptions options)
    {
        var kafka = new Dictionary<string, string>(options.Kafka, StringComparer.Ordinal);
        kafka.TryAdd("group.initial.rebalance.delay.ms", "0");
        return kafka;
    }

    private static void Delete(string? directory)
    {
        if (directory is not null) Directory.Delete(directory, recursive: true);
    }
}

/// <summary>What an <see cref="EmbeddedBroker"/> may be told.</summary>
public sealed record EmbeddedBrokerOptions
{
    /// <summary>Null for a temporary directory, which is deleted with the broker.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>0 for a free one.</summary>
    public int Port { get; init; }

    /// <summary>Broker configs by Kafka's names. Where it says nothing of group.initial.rebalance.delay.ms, the first member of a
    /// group does not wait for others.</summary>
    public IReadOnlyDictionary<string, string> Kafka { get; init; } = new Dictionary<string, string>();

    /// <inheritdoc cref="BrokerOptions.JournalSegmentBytes"/>
    public int JournalSegmentBytes { get; init; } = 64 << 20;

    /// <inheritdoc cref="BrokerOptions.JournalMemoryBytes"/>
    public int JournalMemoryBytes { get; init; } = 16 << 20;

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
