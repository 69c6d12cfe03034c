using System.Globalization;
using Loire.Bench.Processes;

namespace Loire.Tests.RealClients;

/// <summary>A broker as a process. Its port and its data directory survive its deaths.</summary>
internal abstract class KafkaHostProcess(string assembly, int? port = null) : HostProcess(assembly)
{
    /// <summary>Where it listens for Kafka clients.</summary>
    public int Port { get; } = port ?? LoopbackPort.Free();

    public string DataDirectory { get; } = Directory.CreateTempSubdirectory("loire-real-clients-").FullName;

    public string Bootstrap => $"localhost:{Port.ToString(CultureInfo.InvariantCulture)}";

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(DataDirectory, recursive: true);
    }
}
