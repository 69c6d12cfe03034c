using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>What a broker says its settings are.</summary>
internal static class BrokerConfigs
{
    private const sbyte BrokerResource = 4;

    /// <returns>The values of broker 1, in the order of the names.</returns>
    public static async Task<IEnumerable<string?>> DescribeAsync(string bootstrap, IReadOnlyCollection<string> names)
    {
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = bootstrap });
        var described = await client.SendToAnyAsync<DescribeConfigsRequest, DescribeConfigsResponse>(
            new DescribeConfigsRequest
            {
                Resources = [new() { ResourceType = BrokerResource, ResourceName = "1", ConfigurationKeys = [.. names] }],
            },
            TestContext.Current.CancellationToken);
        var values = described.Results.Single().Configs.ToDictionary(config => config.Name, config => config.Value);
        return names.Select(name => values[name]);
    }
}
