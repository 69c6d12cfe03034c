using System.Diagnostics;

namespace Loire.Bench.Statistics;

/// <summary>Processor time that the load generator and the broker use from now on.</summary>
public sealed class CpuClock
{
    private readonly int _brokerProcessId;
    private readonly CpuUsage _atStart;

    public CpuClock(int brokerProcessId)
    {
        _brokerProcessId = brokerProcessId;
        _atStart = Now();
    }

    public CpuUsage Elapsed()
    {
        var now = Now();
        return new CpuUsage(now.ClientSeconds - _atStart.ClientSeconds, now.BrokerSeconds - _atStart.BrokerSeconds);
    }

    private CpuUsage Now()
    {
        using var broker = Process.GetProcessById(_brokerProcessId);
        return new CpuUsage(Environment.CpuUsage.TotalTime.TotalSeconds, broker.TotalProcessorTime.TotalSeconds);
    }
}

public sealed record CpuUsage(double ClientSeconds, double BrokerSeconds);
