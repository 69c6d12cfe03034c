using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded;

/// <summary>The host's options as Kafka's tools see them.</summary>
public sealed class HostConfigTests : IDisposable
{
    private const sbyte Broker = (sbyte)ConfigResourceType.Broker;
    private const sbyte Topic = (sbyte)ConfigResourceType.Topic;

    private readonly string _data = Directory.CreateTempSubdirectory("loire-test-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Theory]
    [InlineData("*")]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task Clients_are_not_sent_to_every_address(string listen)
    {
        var options = new BrokerOptions { DataDirectory = _data, Listen = new HostPort(listen, 0) };
        var refused = await Should.ThrowAsync<FormatException>(
            () => BrokerHost.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Cancelled));
        refused.Message.ShouldContain("--advertise");
    }

    [Fact]
    public async Task A_config_of_an_embedded_broker_leaves_the_others_as_they_are()
    {
        await using var broker = await EmbeddedBroker.StartAsync(
            new EmbeddedBrokerOptions { Kafka = new Dictionary<string, string> { ["num.partitions"] = "3" } }, Cancelled);
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = broker.BootstrapServers });
        var described = await client.SendToAnyAsync<DescribeConfigsRequest, DescribeConfigsResponse>(
            new DescribeConfigsRequest
            {
                Resources =
                [
                    new()
                    {
                        ResourceType = Broker,
                        ResourceName = "1",
                        ConfigurationKeys = ["num.partitions", "group.initial.rebalance.delay.ms"],
                    },
                ],
            },
            Cancelled);
        described.Results.ShouldHaveSingleItem().Configs.Select(config => (config.Name, config.Value)).ShouldBe(
            [("num.partitions", "3"), ("group.initial.rebalance.delay.ms", "0")], ignoreOrder: true);
    }

    [Fact]
    public async Task The_hosts_options_are_described_and_cannot_be_altered()
    {
        var options = new BrokerOptions
        {
            DataDirectory = _data,
            Listen = new HostPort("127.0.0.1", 0),
            Advertise = new HostPort("localhost", 0),
            NodeId = 7,
            Rack = "a",
            JournalSegmentBytes = 1 << 20,
            JournalMemoryBytes = 1 << 20,
            BatchBytesMax = 1 << 18,
        };
        await using var host = await BrokerHost.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Cancelled);
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = host.Address.ToString() });
        Dictionary<string, string> expected = new(StringComparer.Ordinal)
        {
            ["node.id"] = "7",
            ["broker.rack"] = "a",
            ["listeners"] = "PLAINTEXT://127.0.0.1:0",
            ["advertised.listeners"] = "PLAINTEXT://localhost:0",
            ["log.dirs"] = _data,
        };

        var described = await client.SendToAnyAsync<DescribeConfigsRequest, DescribeConfigsResponse>(
            new DescribeConfigsRequest
            {
                Resources = [new() { ResourceType = Broker, ResourceName = "7", ConfigurationKeys = [.. expected.Keys] }],
            },
            Cancelled);
        var configs = described.Results.ShouldHaveSingleItem().Configs;
        configs.ToDictionary(config => config.Name, config => config.Value!, StringComparer.Ordinal).ShouldBe(expected, ignoreOrder: true);
        configs.ShouldAllBe(config => config.ReadOnly && config.ConfigSource == (sbyte)ConfigSource.StaticBrokerConfig);

        foreach (var (name, value) in expected)
        {
            var altered = await client.SendToAnyAsync<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
                new IncrementalAlterConfigsRequest
                {
                    Resources = [new() { ResourceType = Broker, ResourceName = "7", Configs = [new() { Name = name, Value = value }] }],
                },
                Cancelled);
            var refusal = altered.Responses.ShouldHaveSingleItem();
            refusal.ErrorCode.ShouldBe(ErrorCode.InvalidConfig);
            refusal.ErrorMessage!.ShouldContain(name);
        }
    }

    [Fact]
    public async Task Larger_batches_than_the_journal_takes_are_not_promised()
    {
        var options = new BrokerOptions
        {
            DataDirectory = _data,
            Listen = new HostPort("127.0.0.1", 0),
            JournalSegmentBytes = 1 << 20,
            JournalMemoryBytes = 1 << 20,
            BatchBytesMax = 1 << 18,
        };
        await using var host = await BrokerHost.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Cancelled);
        await using var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = host.Address.ToString() });
        foreach (var (bytes, error) in new[] { ("262145", ErrorCode.InvalidConfig), ("262144", ErrorCode.None) })
        {
            var created = (await client.SendToAnyAsync<CreateTopicsRequest, CreateTopicsResponse>(
                new CreateTopicsRequest
                {
                    TimeoutMs = 10_000,
                    Topics =
                    [
                        new()
                        {
                            Name = new TopicName("orders"),
                            NumPartitions = 1,
                            ReplicationFactor = 1,
                            Configs = [new() { Name = "max.message.bytes", Value = bytes }],
                        },
                    ],
                },
                Cancelled)).Topics.ShouldHaveSingleItem();
            created.ErrorCode.ShouldBe(error);
            if (error != ErrorCode.None) created.ErrorMessage!.ShouldContain("262144");
        }

        foreach (var (type, resource, config) in new[] { (Topic, "orders", "max.message.bytes"), (Broker, "", "message.max.bytes") })
        {
            var altered = (await client.SendToAnyAsync<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
                new IncrementalAlterConfigsRequest
                {
                    Resources =
                    [
                        new() { ResourceType = type, ResourceName = resource, Configs = [new() { Name = config, Value = "300000" }] },
                    ],
                },
                Cancelled)).Responses.ShouldHaveSingleItem();
            altered.ErrorCode.ShouldBe(ErrorCode.InvalidConfig);
            altered.ErrorMessage!.ShouldContain("262144");
        }

        var start = options with
        {
            Kafka = new Dictionary<string, string>(StringComparer.Ordinal) { ["message.max.bytes"] = "300000" },
        };
        var refusal = Should.Throw<KafkaException>(() => BrokerParts.Configs(start));
        refusal.Code.ShouldBe(ErrorCode.InvalidConfig);
        refusal.Message.ShouldContain("262144");
    }

    [Theory]
    [InlineData("node.id", "3")]
    [InlineData("log.dirs", "/data")]
    public void The_hosts_options_are_not_given_by_Kafkas_names(string name, string value)
    {
        var refusal = Should.Throw<KafkaException>(() => ConfigLayers.FromHost([KeyValuePair.Create(name, value)]));
        refusal.Code.ShouldBe(ErrorCode.InvalidConfig);
        refusal.Message.ShouldContain(name);
    }
}
