using Loire.Broker.Configs;
using Loire.Log;
using Microsoft.Extensions.Logging;

namespace Loire.Embedded;

/// <summary>What every host makes of its broker's options.</summary>
public static class BrokerParts
{
    /// <exception cref="Broker.Ports.LogStoreException">The log is in use, damaged or of a newer format.</exception>
    public static LogStore OpenLog(BrokerOptions options, ILoggerFactory logs) => LogStore.Open(new LogStoreOptions
    {
        DataDirectory = options.DataDirectory,
        MaxBatchBytes = options.BatchBytesMax,
        SegmentBytes = options.JournalSegmentBytes,
        MemoryBytes = options.JournalMemoryBytes,
        LoggerFactory = logs,
    });

    /// <exception cref="Broker.Ports.KafkaException">INVALID_CONFIG: names the config.</exception>
    public static ConfigLayers Configs(BrokerOptions options) =>
        ConfigLayers.FromHost(options.Kafka, options.ShownAsConfigs(), options.BatchBytesMax);
}
