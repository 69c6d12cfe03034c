using Loire.Broker.Ports;
using Loire.Embedded;
using Loire.Log;
using Loire.Protocol;
using Loire.Protocol.Client;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded;

/// <summary>Starts that fail, and what they leave behind.</summary>
public sealed class BrokerHostTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("loire-host-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task A_server_that_cannot_be_made_leaves_no_log_open()
    {
        var failure = await Should.ThrowAsync<InvalidOperationException>(StartAsync(new NoLogsForKestrel()));
        failure.Message.ShouldBe("no logs for Kestrel");

        await using var next = await StartAsync(NullLoggerFactory.Instance);
    }

    [Fact]
    public async Task A_partition_s_state_of_a_newer_format_asks_for_the_newer_release()
    {
        await using (var broker = await StartAsync(NullLoggerFactory.Instance))
        {
            await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.Address.ToString() });
            await using var producer = await Producer.CreateAsync(client, new ProducerOptions(), Cancelled);
            await producer.AppendAsync(
                new TopicName("t"), new PartitionIndex(0), key: null, "value"u8.ToArray(), default, timestampMs: 1, Cancelled);
            await producer.FlushAsync(Cancelled);
        }

        string journal = Path.Combine(_data, "journal");
        var checkpoint = Checkpoint.TryRead(journal).ShouldNotBeNull();
        (checkpoint with { Partitions = [.. checkpoint.Partitions.Select(OfNewerFormat)] }).Write(journal);

        var refusal = await Should.ThrowAsync<LogStoreException>(StartAsync(NullLoggerFactory.Instance));
        refusal.Message.ShouldContain(Checkpoint.PathIn(journal));
        refusal.Message.ShouldContain("format 2");
        refusal.Message.ShouldContain("Start the newer release");
    }

    private static PartitionState OfNewerFormat(PartitionState state)
    {
        byte[] bytes = [.. state.Snapshot.Bytes.Span];
        bytes[0] = 2;
        return state with { Snapshot = state.Snapshot with { Bytes = bytes } };
    }

    private Task<BrokerHost> StartAsync(ILoggerFactory logs) => BrokerHost.StartAsync(
        new BrokerOptions
        {
            DataDirectory = _data,
            Listen = new HostPort("127.0.0.1", 0),
            JournalSegmentBytes = 1 << 20,
            JournalMemoryBytes = 1 << 20,
            BatchBytesMax = 1 << 18,
        },
        logs,
        TimeProvider.System,
        Cancelled);

    private sealed class NoLogsForKestrel : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) =>
            categoryName.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)
                ? throw new InvalidOperationException("no logs for Kestrel")
                : NullLogger.Instance;

        public void Dispose()
        {
        }
    }
}
