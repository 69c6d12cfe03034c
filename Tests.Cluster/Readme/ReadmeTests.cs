using System.Collections.Concurrent;
using Loire.Bench.Processes;
using Loire.Embedded;
using Loire.Grains.Hosting;
using Loire.Tests.Cluster.Hosted;
using Loire.Tests.Repo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Readme;

/// <summary>The C# that README.md shows.</summary>
[Collection(nameof(HostedClusters))]
public sealed class ReadmeTests
{
    private const string OfTheTest = "// of the test";

    [Fact]
    public void The_programs_are_those_that_are_run_here()
    {
        string[] shown = [.. ReadmePage.Blocks("Inside a .NET process or test", "csharp"), .. ReadmePage.Blocks("From Orleans", "csharp")];
        shown.Length.ShouldBe(4);
        var lines = Lines(Repository.Read("Tests.Cluster/Readme/ReadmePrograms.cs")).ToArray();
        var program = string.Join('\n', lines.Where(line => !line.EndsWith(OfTheTest, StringComparison.Ordinal)));
        foreach (var block in shown)
        {
            var usings = Lines(block).TakeWhile(line => line.StartsWith("using ", StringComparison.Ordinal)).ToArray();
            usings.ShouldNotBeEmpty("a block is a whole program or file");
            usings.ShouldBeSubsetOf(lines);
            program.ShouldContain(string.Join('\n', Lines(block).Skip(usings.Length)));
        }
    }

    [Fact]
    public async Task The_embedded_broker_tells_its_address()
    {
        var console = Console.Out;
        var printed = new PrintedLines();
        Console.SetOut(printed);
        try
        {
            await ReadmePrograms.RunEmbeddedAsync();
        }
        finally
        {
            Console.SetOut(console);
        }

        printed.Lines.ShouldContain(line => line.StartsWith("127.0.0.1:", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_programs_run_as_they_are_shown_but_for_ports_and_directory()
    {
        var directory = Directory.CreateTempSubdirectory("loire-readme-").FullName;
        var console = Console.Out;
        var printed = new PrintedLines();
        Console.SetOut(printed);
        var (siloPort, gatewayPort) = (LoopbackPort.Free(), LoopbackPort.Free());
        IHostApplicationLifetime? silo = null;
        var silos = Task.Run(() => ReadmePrograms.RunSiloAsync([], builder =>
        {
            builder.Services.Configure<EndpointOptions>(endpoint => (endpoint.SiloPort, endpoint.GatewayPort) = (siloPort, gatewayPort));
            builder.Services.Configure<DevelopmentClusterMembershipOptions>(
                membership => membership.PrimarySiloEndpoint = new(System.Net.IPAddress.Loopback, siloPort));
            builder.Services.AddHostedService(services => new Started(
                () => Volatile.Write(ref silo, services.GetRequiredService<IHostApplicationLifetime>())));
            var broker = ((LoireSiloOptions)builder.Services.Single(service => service.ServiceType == typeof(LoireSiloOptions))
                .ImplementationInstance!).Broker;
            builder.Services.Replace(ServiceDescriptor.Singleton(new LoireSiloOptions
            {
                Broker = broker with { DataDirectory = directory, Listen = new HostPort("127.0.0.1", 0) },
            }));
        }), TestContext.Current.CancellationToken);
        try
        {
            await Eventually.IsTrueAsync(() => Volatile.Read(ref silo) is not null || silos.IsCompleted);
            await ReadmePrograms.RunClientAsync([], builder => builder.Services.Configure<StaticGatewayListProviderOptions>(
                gateways => gateways.Gateways = [new Uri($"gwy.tcp://127.0.0.1:{gatewayPort}/0")]));
            printed.Lines.ShouldContain(line => line.EndsWith(":0 8 bytes", StringComparison.Ordinal));
            await Eventually.IsTrueAsync(() => printed.Lines.Contains("customer-7 ordered 3 books"));
            Directory.Exists(Path.Combine(directory, "control")).ShouldBeTrue("the controllers' states are in files beside the records");
        }
        finally
        {
            Console.SetOut(console);
            silo?.StopApplication();
            await silos;
            Directory.Delete(directory, recursive: true);
        }
    }

    private static IEnumerable<string> Lines(string text) => text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0);

    /// <summary>Runs when all that was added before has started, the silo too.</summary>
    private sealed class Started(Action tell) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            tell();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class PrintedLines : StringWriter
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public override void WriteLine(string? value) => Lines.Enqueue(value ?? "");
    }
}
