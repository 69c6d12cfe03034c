namespace Loire.Broker.Ports;

/// <summary>The brokers' settings at this moment. Read them when they are needed: dynamic ones change at any time.</summary>
public interface IBrokerConfigs
{
    BrokerConfig Current { get; }
}

/// <summary>Settings that never change: for tests and for parts that run without a catalog.</summary>
public sealed class FixedBrokerConfigs(BrokerConfig config) : IBrokerConfigs
{
    public static readonly FixedBrokerConfigs Default = new(BrokerConfig.Default);

    public BrokerConfig Current => config;
}
