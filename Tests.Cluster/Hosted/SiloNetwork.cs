using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;
using Orleans.Configuration;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A silo's network as Orleans uses it: a plug that can be pulled.</summary>
internal sealed class SiloNetwork
{
    private readonly ConcurrentDictionary<ConnectionContext, bool> _open = new();
    private volatile bool _isCut;

    public void Configure(SiloConnectionOptions options)
    {
        options.ConfigureSiloInboundConnection(Plug);
        options.ConfigureSiloOutboundConnection(Plug);
        options.ConfigureGatewayInboundConnection(Plug);
    }

    /// <summary>From now on nothing comes in or goes out.</summary>
    public void Cut()
    {
        _isCut = true;
        foreach (var connection in _open.Keys) connection.Abort();
    }

    private void Plug(IConnectionBuilder connections) => connections.Use(next => async connection =>
    {
        _open[connection] = true;
        try
        {
            if (_isCut) connection.Abort();
            else await next(connection);
        }
        finally
        {
            _open.TryRemove(connection, out _);
        }
    });
}
