using Loire.Broker.Ports;
using Microsoft.Extensions.Logging;

namespace Loire.Broker.Gateway;

/// <summary>What all connections of a gateway share.</summary>
internal sealed record GatewayServices(
    RequestDispatcher Dispatcher,
    IBrokerConfigs Configs,
    GatewayOptions Options,
    MemoryBudget Budget,
    GatewayMetrics Metrics,
    GatewayClock Clock,
    ILogger Log);

/// <summary>The time as the gateway needs it: differences only.</summary>
internal sealed class GatewayClock(TimeProvider time)
{
    public TimeProvider Provider => time;
    public long Timestamp => time.GetTimestamp();
    public long NowMs => (long)time.GetElapsedTime(0).TotalMilliseconds;
    public TimeSpan ElapsedSince(long timestamp) => time.GetElapsedTime(timestamp);
}
