using Loire.Tests.RealClients;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Processes;

/// <summary>Where a silo takes its settings from. Which files there are and which of them wins is the same in both hosts, and
/// proved with the other.</summary>
[Collection(nameof(RealClients))]
public sealed class ConfigurationTests
{
    private static readonly string[] Configs = ["num.partitions", "group.max.size", "offset.metadata.max.bytes"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Arguments_win_over_the_environment_and_that_over_files()
    {
        var directory = Directory.CreateTempSubdirectory("loire-test-");
        try
        {
            var file = Path.Combine(directory.FullName, "settings.json");
            await File.WriteAllTextAsync(
                file,
                """{ "Loire": { "Kafka": { "num.partitions": "3", "group.max.size": "3", "offset.metadata.max.bytes": "3" } } }""",
                Cancelled);
            await using var silo = new SiloProcess(cluster: null, 1, "--config", file, "--set", "num.partitions=1")
            {
                Environment = new Dictionary<string, string>(StringComparer.Ordinal)
                {
                    ["Loire__Kafka__num_partitions"] = "2",
                    ["Loire__Kafka__group_max_size"] = "2",
                },
            };
            await silo.StartAgainAsync();
            (await BrokerConfigs.DescribeAsync(silo.Bootstrap, Configs)).ShouldBe(["1", "2", "3"]);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
