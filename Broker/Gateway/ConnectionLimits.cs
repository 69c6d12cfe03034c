using System.Net;
using Loire.Broker.Ports;

namespace Loire.Broker.Gateway;

/// <summary>Counts connections, in all and by client address, against max.connections and
/// max.connections.per.ip.</summary>
internal sealed class ConnectionLimits(IBrokerConfigs configs)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _byAddress = [];
    private int _count;

    /// <returns>Null where the connection is let in, which <see cref="Leave"/> ends; else the limit it meets.</returns>
    public string? Enter(IPAddress address)
    {
        var config = configs.Current;
        lock (_lock)
        {
            if (_count >= config.MaxConnections) return $"max.connections is {config.MaxConnections}";
            var fromAddress = _byAddress.GetValueOrDefault(address);
            if (fromAddress >= config.MaxConnectionsPerIp) return $"max.connections.per.ip is {config.MaxConnectionsPerIp}";
            _byAddress[address] = fromAddress + 1;
            _count++;
            return null;
        }
    }

    public void Leave(IPAddress address)
    {
        lock (_lock)
        {
            _count--;
            if (--_byAddress[address] == 0) _byAddress.Remove(address);
        }
    }
}
