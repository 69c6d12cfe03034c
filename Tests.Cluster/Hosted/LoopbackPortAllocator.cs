using Loire.Bench.Processes;
using Orleans.TestingHost;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Ports for silos and their gateways that no connection can take while a silo is down, which TestingHost's own can
/// happen to.</summary>
internal sealed class LoopbackPortAllocator : ITestClusterPortAllocator
{
    public (int, int) AllocateConsecutivePortPairs(int numPorts = 5) => (LoopbackPort.Free(numPorts), LoopbackPort.Free(numPorts));

    public void Dispose()
    {
    }
}
