using System.Net;
using Loire.Bench.Processes;
using Loire.Embedded;
using Loire.Grains;
using Loire.Grains.Hosting;
using Loire.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Storage;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>Silos that were given no storage for the controllers' states.</summary>
[Collection(nameof(HostedClusters))]
public sealed class FileStorageTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("loire-test-files-").FullName;
    private readonly int _primaryPort = LoopbackPort.Free();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_second_broker_is_refused_and_told_what_brokers_have_to_share()
    {
        using var first = Build(1, _primaryPort);
        await first.StartAsync(Cancelled);
        using (var second = Build(2, LoopbackPort.Free()))
        {
            var refusal = await Should.ThrowAsync<OrleansConfigurationException>(() => second.StartAsync(Cancelled));
            refusal.Message.ShouldContain("another broker, broker-1 at ");
            refusal.Message.ShouldContain("a grain storage named 'loire' that they share");
        }

        first.Services.GetRequiredService<LoireBroker>().Health.Reason.ShouldBeNull();
        await first.StopAsync(Cancelled);
    }

    [Fact]
    public void A_storage_that_is_named_later_is_used()
    {
        using var silo = Build(1, _primaryPort, silo => silo.AddMemoryGrainStorage(LoireStorage.Name));
        silo.Services.GetRequiredKeyedService<IGrainStorage>(LoireStorage.Name).ShouldNotBeOfType<FileGrainStorage>();
    }

    private IHost Build(int node, int port, Action<ISiloBuilder>? configure = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(port, LoopbackPort.Free(), new IPEndPoint(IPAddress.Loopback, _primaryPort));
            silo.AddLoire(new LoireSiloOptions
            {
                Broker = new BrokerOptions
                {
                    NodeId = node,
                    DataDirectory = Path.Combine(_directory, $"broker-{node}"),
                    Listen = new HostPort("127.0.0.1", 0),
                },
            });
            configure?.Invoke(silo);
        });
        return builder.Build();
    }
}
