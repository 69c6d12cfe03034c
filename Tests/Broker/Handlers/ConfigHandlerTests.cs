using Loire.Broker.Configs;
using Loire.Broker.Handlers;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Messages;
using Shouldly;
using Xunit;
using static Loire.Protocol.Messages.DescribeConfigsResponse;

namespace Loire.Tests.Broker.Handlers;

public sealed class ConfigHandlerTests
{
    private const sbyte Topic = (sbyte)ConfigResourceType.Topic;
    private const sbyte Broker = (sbyte)ConfigResourceType.Broker;

    public static TheoryData<int> DescribeVersions => AdminFixture.Versions(0, 4);
    public static TheoryData<int> AlterVersions => AdminFixture.Versions(0, 2);
    public static TheoryData<int> IncrementalVersions => AdminFixture.Versions(0, 1);

    [Theory]
    [MemberData(nameof(DescribeVersions))]
    public async Task A_topic_is_described_at_every_version(int version)
    {
        await using var fixture = new AdminFixture(("log.retention.hours", "1"));
        await fixture.CreateAsync("orders", 1, ("cleanup.policy", "compact"));
        var configs = (await DescribeAsync(fixture, version, Topic, "orders")).Configs;
        configs.Select(config => config.Name).ShouldBe(TopicConfigTable.Table.All.Select(config => config.Name));
        var policy = configs.Single(config => config.Name == "cleanup.policy");
        var retention = configs.Single(config => config.Name == "retention.ms");
        (policy.Value, policy.ReadOnly, policy.IsSensitive).ShouldBe(("compact", false, false));
        retention.Value.ShouldBe("3600000");
        configs.Single(config => config.Name == "segment.bytes").IsDefault.ShouldBe(version == 0);
        policy.IsDefault.ShouldBeFalse();
        if (version >= 1)
        {
            policy.ConfigSource.ShouldBe((sbyte)ConfigSource.TopicConfig);
            retention.ConfigSource.ShouldBe((sbyte)ConfigSource.StaticBrokerConfig);
            retention.Synonyms.Select(synonym => (synonym.Name, synonym.Value, (ConfigSource)synonym.Source)).ShouldBe(
            [
                ("log.retention.hours", "1", ConfigSource.StaticBrokerConfig),
                ("log.retention.hours", "168", ConfigSource.DefaultConfig),
            ]);
        }

        if (version >= 3)
        {
            policy.ConfigType.ShouldBe((sbyte)ConfigType.List);
            policy.Documentation.ShouldNotBeNullOrEmpty();
        }
    }

    [Fact]
    public async Task Only_the_keys_that_are_asked_for_are_described()
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders");
        var result = await DescribeAsync(fixture, 4, Topic, "orders", "retention.ms", "no.such.config");
        result.Configs.ShouldHaveSingleItem().Name.ShouldBe("retention.ms");
    }

    [Fact]
    public async Task A_resource_named_twice_is_described_once_with_all_that_was_asked_of_it()
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders");
        (await KeysAsync([["retention.ms"], ["retention.bytes"]])).ShouldBe(["retention.bytes", "retention.ms"]);
        (await KeysAsync([["retention.ms"], null])).ShouldBe(TopicConfigTable.Table.All.Select(config => config.Name));

        async Task<IEnumerable<string>> KeysAsync(List<string>?[] repeats)
        {
            var handler = new DescribeConfigsHandler(fixture.Catalog, fixture.Brokers);
            var response = await fixture.SendAsync(handler, 4, new DescribeConfigsRequest
            {
                Resources = [.. repeats.Select(keys => new DescribeConfigsRequest.DescribeConfigsResource
                {
                    ResourceType = Topic,
                    ResourceName = "orders",
                    ConfigurationKeys = keys,
                })],
            });
            return response.Results.ShouldHaveSingleItem().Configs.Select(config => config.Name);
        }
    }

    [Fact]
    public async Task A_broker_is_described_with_what_may_change()
    {
        await using var fixture = new AdminFixture(("num.partitions", "4"));
        var configs = (await DescribeAsync(fixture, 4, Broker, "7")).Configs;
        configs.Count.ShouldBe(BrokerConfigTable.Table.All.Length);
        var partitions = configs.Single(config => config.Name == "num.partitions");
        (partitions.Value, partitions.ReadOnly, partitions.ConfigSource).ShouldBe(
            ("4", true, (sbyte)ConfigSource.StaticBrokerConfig));
        configs.Single(config => config.Name == "log.retention.ms").ReadOnly.ShouldBeFalse();
    }

    [Fact]
    public async Task All_brokers_are_described_by_what_was_set_on_them()
    {
        await using var fixture = new AdminFixture();
        (await DescribeAsync(fixture, 4, Broker, "")).Configs.ShouldBeEmpty();
        (await IncrementalAsync(fixture, 1, Broker, "", ("log.retention.ms", ConfigOperation.Set, "9"))).Error.ShouldBe(ErrorCode.None);
        var config = (await DescribeAsync(fixture, 4, Broker, "")).Configs.ShouldHaveSingleItem();
        (config.Name, config.Value, config.ConfigSource).ShouldBe(
            ("log.retention.ms", "9", (sbyte)ConfigSource.DynamicDefaultBrokerConfig));
    }

    [Theory]
    [InlineData(Topic, "gone", ErrorCode.UnknownTopicOrPartition)]
    [InlineData(Topic, "bad name", ErrorCode.InvalidTopicException)]
    [InlineData(Topic, "", ErrorCode.InvalidTopicException)]
    [InlineData(Broker, "8", ErrorCode.InvalidRequest)]
    [InlineData(Broker, "x", ErrorCode.InvalidRequest)]
    [InlineData((sbyte)ConfigResourceType.BrokerLogger, "8", ErrorCode.InvalidRequest)]
    [InlineData((sbyte)ConfigResourceType.BrokerLogger, "", ErrorCode.InvalidRequest)]
    [InlineData((sbyte)ConfigResourceType.Group, "", ErrorCode.InvalidRequest)]
    [InlineData((sbyte)99, "x", ErrorCode.InvalidRequest)]
    public async Task Resources_that_are_not_there_are_refused(sbyte type, string name, ErrorCode error)
    {
        await using var fixture = new AdminFixture();
        var described = await DescribeAsync(fixture, 4, type, name);
        described.ErrorCode.ShouldBe(error);
        described.ErrorMessage.ShouldNotBeNullOrEmpty();
        var altered = await IncrementalAsync(fixture, 1, type, name, ("retention.ms", ConfigOperation.Set, "9"));
        altered.Error.ShouldBe(error == ErrorCode.InvalidTopicException ? ErrorCode.UnknownTopicOrPartition : error);
    }

    [Theory]
    [InlineData(ConfigResourceType.BrokerLogger, "7")]
    [InlineData(ConfigResourceType.ClientMetrics, "metrics")]
    [InlineData(ConfigResourceType.Group, "g")]
    public async Task Resources_that_have_no_configs_here_are_described_without_and_take_none(ConfigResourceType type, string name)
    {
        await using var fixture = new AdminFixture();
        var described = await DescribeAsync(fixture, 4, (sbyte)type, name);
        described.ErrorCode.ShouldBe(ErrorCode.None);
        described.Configs.ShouldBeEmpty();
        (await IncrementalAsync(fixture, 1, (sbyte)type, name, ("retention.ms", ConfigOperation.Set, "9"))).Error
            .ShouldBe(ErrorCode.InvalidRequest);
    }

    [Theory]
    [MemberData(nameof(AlterVersions))]
    public async Task AlterConfigs_replaces_all_overrides(int version)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders", 1, ("retention.ms", "1"), ("retention.bytes", "2"));
        (await AlterAsync(fixture, version, ("retention.ms", "3"))).ShouldBe(ErrorCode.None);
        Overrides(fixture).ShouldBe(["retention.ms=3"]);
    }

    [Theory]
    [InlineData("retention.ms", "x", ErrorCode.InvalidConfig)]
    [InlineData("retention.ms", null, ErrorCode.InvalidRequest)]
    [InlineData("no.such.config", "1", ErrorCode.InvalidConfig)]
    public async Task A_bad_AlterConfigs_changes_nothing(string name, string? value, ErrorCode error)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders", 1, ("retention.bytes", "2"));
        (await AlterAsync(fixture, 2, (name, value))).ShouldBe(error);
        (await AlterAsync(fixture, 2, ("retention.ms", "1"), ("retention.ms", "1"))).ShouldBe(ErrorCode.InvalidRequest);
        Overrides(fixture).ShouldBe(["retention.bytes=2"]);
    }

    [Theory]
    [MemberData(nameof(IncrementalVersions))]
    public async Task IncrementalAlterConfigs_changes_what_it_names(int version)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders", 1, ("retention.ms", "1"), ("retention.bytes", "2"));
        var outcome = await IncrementalAsync(
            fixture, version, Topic, "orders",
            ("retention.ms", ConfigOperation.Delete, null),
            ("cleanup.policy", ConfigOperation.Append, "compact"),
            ("max.message.bytes", ConfigOperation.Set, " 77 "));
        outcome.Error.ShouldBe(ErrorCode.None);
        Overrides(fixture).ShouldBe(["cleanup.policy=delete,compact", "max.message.bytes=77", "retention.bytes=2"]);
        fixture.Catalog.Current.Find(new TopicName("orders"))!.Config.MaxMessageBytes.ShouldBe(77);
    }

    [Theory]
    [InlineData("retention.ms", 0, "x", ErrorCode.InvalidConfig)]
    [InlineData("retention.ms", 2, "1", ErrorCode.InvalidConfig)]
    [InlineData("retention.ms", 0, null, ErrorCode.InvalidRequest)]
    [InlineData("retention.ms", 4, "1", ErrorCode.InvalidRequest)]
    [InlineData("local.retention.ms", 0, "1", ErrorCode.InvalidConfig)]
    public async Task A_bad_IncrementalAlterConfigs_changes_nothing(string name, int operation, string? value, ErrorCode error)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders");
        var outcome = await IncrementalAsync(
            fixture, 1, Topic, "orders",
            ("retention.bytes", ConfigOperation.Set, "5"), (name, (ConfigOperation)operation, value));
        outcome.Error.ShouldBe(error);
        outcome.Message!.ShouldContain(name);
        Overrides(fixture).ShouldBeEmpty();
    }

    [Fact]
    public async Task Validating_alters_nothing_and_a_resource_named_twice_is_refused()
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders");
        var handler = new IncrementalAlterConfigsHandler(fixture.Catalog);
        IncrementalAlterConfigsRequest.AlterConfigsResource Set() => new()
        {
            ResourceType = Topic,
            ResourceName = "orders",
            Configs = [new() { Name = "retention.ms", Value = "1" }],
        };
        var validated = await fixture.SendAsync(handler, 1, new() { Resources = [Set()], ValidateOnly = true });
        validated.Responses.ShouldHaveSingleItem().ErrorCode.ShouldBe(ErrorCode.None);
        var twice = await fixture.SendAsync(handler, 1, new() { Resources = [Set(), Set()] });
        twice.Responses.Select(response => response.ErrorCode).ShouldBe([ErrorCode.InvalidRequest, ErrorCode.InvalidRequest]);
        Overrides(fixture).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(0, new sbyte[0], new string[0])]
    [InlineData(1, new sbyte[0], new[] { "2 orders", "4 7" })]
    [InlineData(1, new[] { Topic }, new[] { "2 orders" })]
    [InlineData(1, new sbyte[] { 16, 32, 8 }, new string[0])]
    public async Task Resources_are_listed_by_type(int version, sbyte[] types, string[] expected)
    {
        await using var fixture = new AdminFixture();
        await fixture.CreateAsync("orders");
        var handler = new ListConfigResourcesHandler(fixture.Catalog, fixture.Brokers);
        var response = await fixture.SendAsync(handler, version, new ListConfigResourcesRequest { ResourceTypes = [.. types] });
        response.ErrorCode.ShouldBe(ErrorCode.None);
        response.ConfigResources.Select(resource => $"{resource.ResourceType} {resource.ResourceName}").ShouldBe(expected);
    }

    [Fact]
    public async Task Unknown_resource_types_cannot_be_listed()
    {
        await using var fixture = new AdminFixture();
        var handler = new ListConfigResourcesHandler(fixture.Catalog, fixture.Brokers);
        (await fixture.SendAsync(handler, 1, new ListConfigResourcesRequest { ResourceTypes = [99] })).ErrorCode
            .ShouldBe(ErrorCode.UnsupportedVersion);
    }

    private static async Task<DescribeConfigsResult> DescribeAsync(
        AdminFixture fixture, int version, sbyte type, string name, params string[] keys)
    {
        var response = await fixture.SendAsync(new DescribeConfigsHandler(fixture.Catalog, fixture.Brokers), version, new()
        {
            Resources = [new() { ResourceType = type, ResourceName = name, ConfigurationKeys = keys.Length == 0 ? null : [.. keys] }],
            IncludeSynonyms = version >= 1,
            IncludeDocumentation = version >= 3,
        });
        return response.Results.ShouldHaveSingleItem();
    }

    private static async Task<ErrorCode> AlterAsync(AdminFixture fixture, int version, params (string Name, string? Value)[] configs)
    {
        var response = await fixture.SendAsync(new AlterConfigsHandler(fixture.Catalog), version, new()
        {
            Resources =
            [
                new()
                {
                    ResourceType = Topic,
                    ResourceName = "orders",
                    Configs = [.. configs.Select(config => new AlterConfigsRequest.AlterableConfig
                    {
                        Name = config.Name,
                        Value = config.Value,
                    })],
                },
            ],
        });
        return response.Responses.ShouldHaveSingleItem().ErrorCode;
    }

    private static async Task<(ErrorCode Error, string? Message)> IncrementalAsync(
        AdminFixture fixture,
        int version,
        sbyte type,
        string name,
        params (string Name, ConfigOperation Operation, string? Value)[] configs)
    {
        var response = await fixture.SendAsync(new IncrementalAlterConfigsHandler(fixture.Catalog), version, new()
        {
            Resources =
            [
                new()
                {
                    ResourceType = type,
                    ResourceName = name,
                    Configs = [.. configs.Select(config => new IncrementalAlterConfigsRequest.AlterableConfig
                    {
                        Name = config.Name,
                        ConfigOperation = (sbyte)config.Operation,
                        Value = config.Value,
                    })],
                },
            ],
        });
        var result = response.Responses.ShouldHaveSingleItem();
        return (result.ErrorCode, result.ErrorMessage);
    }

    private static IEnumerable<string> Overrides(AdminFixture fixture) =>
        fixture.Catalog.GetOverrides(new ConfigResource(ConfigResourceType.Topic, "orders"))
            .Select(config => $"{config.Key}={config.Value}");
}
