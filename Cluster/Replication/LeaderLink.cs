using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cluster.Replication;

/// <summary>The connection to a leader broker: opened when it is needed, and anew where the broker has moved. In use by
/// one at a time.</summary>
internal sealed class LeaderLink(
    NodeId leader, Func<BrokerEndpoint?> locate, NodeId self, IBrokerConfigs configs, TimeProvider time) : IAsyncDisposable
{
    private KafkaConnection? _connection;
    private (string Host, int Port) _address;
    private bool _isBroken;

    /// <exception cref="KafkaClientException">The broker's address is not known, nobody answers there, or it is too old to
    /// be followed.</exception>
    public async Task<KafkaConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var broker = locate()
            ?? throw new KafkaClientException(ErrorCode.BrokerNotAvailable, $"The address of broker {leader} is not known yet.");
        if (!_isBroken && _connection is { IsOpen: true } open && _address == (broker.Host, broker.Port)) return open;

        _isBroken = false;
        await DisposeAsync();
        var options = new KafkaClientOptions
        {
            BootstrapServers = $"{broker.Host}:{broker.Port}",
            ClientId = $"broker-{self}-fetcher",
            RequestTimeout = TimeSpan.FromMilliseconds(configs.Current.ReplicaSocketTimeoutMs),
            TimeProvider = time,
        };
        _connection = await KafkaConnection.ConnectAsync(broker.Host, broker.Port, options, cancellationToken);
        _address = (broker.Host, broker.Port);
        if (_connection.VersionOf(FetchRequest.Info) < ReplicaFetchMessages.LowestVersion)
        {
            throw new KafkaClientException(
                ErrorCode.UnsupportedVersion,
                $"The broker at {_connection.Address} serves no Fetch of version {ReplicaFetchMessages.LowestVersion}; upgrade it.");
        }

        return _connection;
    }

    /// <summary>The connection is not to be used any more, as after a failure.</summary>
    public void Break() => _isBroken = true;

    public async ValueTask DisposeAsync()
    {
        if (_connection is not { } connection) return;
        _connection = null;
        await connection.DisposeAsync();
    }
}
