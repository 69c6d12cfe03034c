namespace Loire.Protocol.Client;

/// <summary>How a client reaches the cluster.</summary>
public sealed record KafkaClientOptions
{
    /// <summary>HOST:PORT of brokers to start from, any of which leads to the others; comma-separated.</summary>
    public required string BootstrapServers { get; init; }

    public string ClientId { get; init; } = "loire";

    /// <summary>How long a broker may take to answer one request or to accept a connection.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an operation is tried again while its errors are passing ones.</summary>
    public TimeSpan RetryTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The largest answer that is accepted.</summary>
    public int ResponseSizeMaxBytes { get; init; } = 512 * 1024 * 1024;

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
