using System.Globalization;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>This broker's settings: what clients set, from the cluster's record, over the host's configuration.</summary>
public sealed class ClusterConfigs : IBrokerConfigs, IClusterListener
{
    private readonly IClusterView _view;
    private readonly string _name;
    private readonly ConfigLayers _host;
    private ClusterRecord _cluster = ClusterRecord.Unknown;
    private volatile ConfigLayers _layers;

    /// <param name="host">What the host's configuration says.</param>
    public ClusterConfigs(IClusterView view, NodeId self, ConfigLayers host)
    {
        _view = view;
        _name = self.Value.ToString(CultureInfo.InvariantCulture);
        _host = _layers = host;
    }

    public ConfigLayers Layers => _layers;

    public BrokerConfig Current => _layers.Broker;

    void IClusterListener.OnCluster()
    {
        var cluster = _view.Cluster;
        if (ReferenceEquals(cluster.BrokerConfigs, _cluster.BrokerConfigs)) return;
        _cluster = cluster;
        var layers = _host;
        if (cluster.BrokerConfigs.TryGetValue("", out var all)) layers = layers.WithDynamicDefault(all);
        if (cluster.BrokerConfigs.TryGetValue(_name, out var own)) layers = layers.WithDynamicBroker(own);
        _layers = layers;
    }
}
