using System.Collections.Concurrent;
using System.Globalization;
using Loire.Protocol.Messages;
using Loire.Protocol.Wire;

namespace Loire.Protocol.Client;

/// <summary>Sends requests to the broker that serves them: any, the controller, a partition's leader or a group's
/// coordinator. Connections and metadata are kept; errors that pass are tried again.</summary>
public sealed class KafkaClient(KafkaClientOptions options) : IAsyncDisposable
{
    private const short HighestMetadataVersion = 12;
    private const short HighestFindCoordinatorVersion = 3;
    private static readonly TimeSpan FirstBackoff = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _connecting = new(1);
    private readonly ConcurrentDictionary<string, KafkaConnection> _connections = new(StringComparer.Ordinal);
    private readonly MetadataCache _metadata = new();

    public KafkaClientOptions Options => options;

    /// <summary>Asks for all topics, or for some, and remembers what comes.</summary>
    /// <param name="topics">Null for all.</param>
    public async Task<MetadataResponse> GetMetadataAsync(
        IEnumerable<TopicName>? topics, bool allowAutoTopicCreation, CancellationToken cancellationToken)
    {
        var request = new MetadataRequest
        {
            Topics = topics?.Select(topic => new MetadataRequest.MetadataRequestTopic { Name = topic }).ToList(),
            AllowAutoTopicCreation = allowAutoTopicCreation,
        };
        var connection = await GetAnyConnectionAsync(cancellationToken);
        var response = await connection.SendAsync<MetadataRequest, MetadataResponse>(request, cancellationToken, HighestMetadataVersion);
        _metadata.Update(response);
        return response;
    }

    /// <summary>A topic's partitions and leaders, from the cache where it knows them. A partition may have no leader, which its
    /// error says.</summary>
    /// <exception cref="KafkaClientException">There is no such topic.</exception>
    public ValueTask<MetadataResponse.MetadataResponseTopic> GetTopicAsync(
        TopicName topic, CancellationToken cancellationToken, bool allowAutoTopicCreation = false)
    {
        if (_metadata.Find(topic) is { } known)
            return ValueTask.FromResult(known);
        return new ValueTask<MetadataResponse.MetadataResponseTopic>(RetryAsync(
            async cancelled =>
            {
                var response = await GetMetadataAsync([topic], allowAutoTopicCreation, cancelled);
                var found = response.Topics.Single();
                // A topic that nobody is about to create stays unknown: waiting would not help.
                if (found.ErrorCode == ErrorCode.UnknownTopicOrPartition && !allowAutoTopicCreation)
                    throw KafkaClientException.Final(found.ErrorCode, $"Topic {topic}: {found.ErrorCode.Explain()}");
                KafkaClientException.ThrowIfError(found.ErrorCode, detail: null, $"Topic {topic}");
                return found;
            },
            cancellationToken));
    }

    /// <summary>The connection to a partition's leader, as the cache has it.</summary>
    /// <exception cref="KafkaClientException">There is no such partition, or it has no leader; it may have one later.</exception>
    public async Task<KafkaConnection> GetLeaderConnectionAsync(TopicPartition partition, CancellationToken cancellationToken)
    {
        var topic = await GetTopicAsync(partition.Topic, cancellationToken);
        var found = topic.Partitions.Find(candidate => candidate.PartitionIndex == partition.Partition);
        if (found is null)
        {
            throw new KafkaClientException(
                ErrorCode.UnknownTopicOrPartition,
                $"Topic {partition.Topic} has {topic.Partitions.Count} partitions; there is no partition {partition.Partition}.");
        }
        KafkaClientException.ThrowIfError(found.ErrorCode, detail: null, $"Partition {partition}");
        return await GetNodeConnectionAsync(found.LeaderId, cancellationToken);
    }

    /// <summary>The connection to the broker that coordinates a group.</summary>
    public async Task<KafkaConnection> GetCoordinatorConnectionAsync(GroupId group, CancellationToken cancellationToken)
    {
        var any = await GetAnyConnectionAsync(cancellationToken);
        var response = await any.SendAsync<FindCoordinatorRequest, FindCoordinatorResponse>(
            new FindCoordinatorRequest { Key = group.Value }, cancellationToken, HighestFindCoordinatorVersion);
        KafkaClientException.ThrowIfError(response.ErrorCode, response.ErrorMessage, $"Group {group}");
        return await GetConnectionAsync(response.Host, response.Port, cancellationToken);
    }

    /// <summary>Sends a request to the controller.</summary>
    public async Task<TResponse> SendToControllerAsync<TRequest, TResponse>(
        TRequest request, CancellationToken cancellationToken, short highestVersion = short.MaxValue)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        if (_metadata.Controller == NodeId.None)
            await GetMetadataAsync([], allowAutoTopicCreation: false, cancellationToken);
        var connection = await GetNodeConnectionAsync(_metadata.Controller, cancellationToken);
        return await connection.SendAsync<TRequest, TResponse>(request, cancellationToken, highestVersion);
    }

    /// <summary>Sends a request to one broker.</summary>
    /// <exception cref="KafkaClientException">No such broker is up.</exception>
    public async Task<TResponse> SendToBrokerAsync<TRequest, TResponse>(
        NodeId node, TRequest request, CancellationToken cancellationToken, short highestVersion = short.MaxValue)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        if (_metadata.FindBroker(node) is null)
            await GetMetadataAsync([], allowAutoTopicCreation: false, cancellationToken);
        var connection = await GetNodeConnectionAsync(node, cancellationToken);
        return await connection.SendAsync<TRequest, TResponse>(request, cancellationToken, highestVersion);
    }

    /// <summary>Sends a request to any broker.</summary>
    public async Task<TResponse> SendToAnyAsync<TRequest, TResponse>(
        TRequest request, CancellationToken cancellationToken, short highestVersion = short.MaxValue)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var connection = await GetAnyConnectionAsync(cancellationToken);
        return await connection.SendAsync<TRequest, TResponse>(request, cancellationToken, highestVersion);
    }

    /// <summary>Sends a request to every broker of the cluster.</summary>
    public async Task<IReadOnlyList<TResponse>> SendToEveryBrokerAsync<TRequest, TResponse>(
        TRequest request, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var metadata = await GetMetadataAsync([], allowAutoTopicCreation: false, cancellationToken);
        var responses = new List<TResponse>();
        foreach (var broker in metadata.Brokers)
        {
            var connection = await GetConnectionAsync(broker.Host, broker.Port, cancellationToken);
            responses.Add(await connection.SendAsync<TRequest, TResponse>(request, cancellationToken));
        }
        return responses;
    }

    /// <summary>Carries an operation out, again and again while it fails with errors that pass and time is left.</summary>
    public async Task<T> RetryAsync<T>(Func<CancellationToken, Task<T>> operation, CancellationToken cancellationToken)
    {
        var started = options.TimeProvider.GetTimestamp();
        for (var backoff = FirstBackoff; ; backoff = backoff * 2 < LongestBackoff ? backoff * 2 : LongestBackoff)
        {
            try
            {
                return await operation(cancellationToken);
            }
            catch (KafkaClientException exception) when (exception.IsRetriable
                && (!exception.IsUnreachable || _metadata.HasBrokers)
                && options.TimeProvider.GetElapsedTime(started) < options.RetryTimeout)
            {
                _metadata.Forget();
                await Task.Delay(backoff, options.TimeProvider, cancellationToken);
            }
        }
    }

    /// <summary>Makes the next look at any topic ask the brokers.</summary>
    public void ForgetMetadata() => _metadata.Forget();

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections.Values)
            await connection.DisposeAsync();
        _connecting.Dispose();
    }

    private async Task<KafkaConnection> GetNodeConnectionAsync(NodeId node, CancellationToken cancellationToken)
    {
        if (_metadata.FindBroker(node) is { } broker)
            return await GetConnectionAsync(broker.Host, broker.Port, cancellationToken);
        throw new KafkaClientException(ErrorCode.LeaderNotAvailable, $"No address is known for broker {node}.");
    }

    private async Task<KafkaConnection> GetAnyConnectionAsync(CancellationToken cancellationToken)
    {
        KafkaClientException? last = null;
        foreach (var (host, port) in Bootstrap())
        {
            try
            {
                return await GetConnectionAsync(host, port, cancellationToken);
            }
            catch (KafkaClientException exception) when (exception.IsUnreachable)
            {
                last = exception;
            }
        }
        throw last ?? KafkaClientException.Unreachable("No bootstrap server is given.");
    }

    private async Task<KafkaConnection> GetConnectionAsync(string host, int port, CancellationToken cancellationToken)
    {
        // Producers rely on this to be synchronous while the connection stands: their batches stay in order.
        var address = $"{host}:{port}";
        if (_connections.TryGetValue(address, out var known) && known.IsOpen)
            return known;
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_connections.TryGetValue(address, out known))
            {
                if (known.IsOpen)
                    return known;
                await known.DisposeAsync();
            }
            return _connections[address] = await KafkaConnection.ConnectAsync(host, port, options, cancellationToken);
        }
        finally
        {
            _connecting.Release();
        }
    }

    private IEnumerable<(string Host, int Port)> Bootstrap()
    {
        foreach (var server in options.BootstrapServers.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = server.LastIndexOf(':');
            if (colon <= 0 || !ushort.TryParse(server.AsSpan(colon + 1), CultureInfo.InvariantCulture, out var port))
                throw KafkaClientException.Unreachable($"'{server}' is no address; write HOST:PORT, for example localhost:9092.");
            yield return (server[..colon].Trim('[', ']'), port);
        }
    }
}
