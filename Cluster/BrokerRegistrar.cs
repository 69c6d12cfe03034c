using Loire.Broker.Control;
using Loire.Broker.Ports;
using Microsoft.Extensions.Logging;

namespace Loire.Cluster;

/// <summary>Tells the cluster that this broker starts, and whether it hands its leaderships over.</summary>
internal sealed partial class BrokerRegistrar(
    ClusterView view, IClusterControl control, ClusterBrokerOptions options, TimeProvider time, ILogger<BrokerRegistrar> logger)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Registers, however long it takes to reach the controllers.</summary>
    /// <returns>This run, with the generation it was given.</returns>
    /// <exception cref="KafkaException">DUPLICATE_BROKER_REGISTRATION, INCONSISTENT_CLUSTER_ID, UNSUPPORTED_VERSION.</exception>
    public async Task<BrokerGeneration> RegisterAsync(CancellationToken cancellationToken)
    {
        var node = options.Endpoint.Node;
        while (true)
        {
            try
            {
                var started = new BrokerGeneration(node, 0, options.DirectoryId);
                var cluster = await control.RegisterAsync(options.Endpoint, started, options.ClusterId, cancellationToken);
                started = cluster.Find(node)!.Started;
                options.OnRegistered(cluster.ClusterId);
                view.Learn(cluster);
                LogRegistered(logger, node.Value, cluster.ClusterId, started.Generation);
                return started;
            }
            catch (ControlUnavailableException away)
            {
                LogWaiting(logger, away.Message);
                await Task.Delay(RetryDelay, time, cancellationToken);
            }
        }
    }

    /// <summary>Says that this run hands its leaderships over, so that others are elected.</summary>
    /// <returns>False where that could not be said.</returns>
    public Task<bool> TryDrainAsync(BrokerGeneration started, CancellationToken cancellationToken) =>
        TryAsync(control.DrainAsync(started.Broker, started.Generation, cancellationToken));

    /// <summary>Says that this run may be elected again.</summary>
    /// <returns>False where that could not be said.</returns>
    public Task<bool> TryUndrainAsync(BrokerGeneration started, CancellationToken cancellationToken) =>
        TryAsync(control.UndrainAsync(started.Broker, started.Generation, cancellationToken));

    private async Task<bool> TryAsync(Task<ClusterRecord> change)
    {
        try
        {
            view.Learn(await change);
            return true;
        }
        catch (Exception failure) when (failure is ControlUnavailableException or KafkaException)
        {
            LogNotTold(logger, failure.Message);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Broker {Node} of cluster {Cluster} runs in generation {Generation}")]
    private static partial void LogRegistered(ILogger logger, int node, string cluster, long generation);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cannot join the cluster yet, trying on: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The cluster could not be told whether this broker hands its leaderships over: {Reason}")]
    private static partial void LogNotTold(ILogger logger, string reason);
}
