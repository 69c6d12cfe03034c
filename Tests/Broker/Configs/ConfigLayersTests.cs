using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Records;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Configs;

public sealed class ConfigLayersTests
{
    [Fact]
    public void The_nearest_layer_wins_and_the_others_are_synonyms()
    {
        var layers = ConfigLayers.FromHost(Set(("log.retention.bytes", "1")))
            .WithDynamicDefault(Set(("log.retention.bytes", "2")))
            .WithDynamicBroker(Set(("log.retention.bytes", "3")));
        var value = layers.DescribeTopic(TopicConfigTable.Table.Get("retention.bytes"), Set(("retention.bytes", "4")));
        value.Value.ShouldBe("4");
        value.Source.ShouldBe(ConfigSource.TopicConfig);
        value.Synonyms.ShouldBe(
        [
            new("retention.bytes", "4", ConfigSource.TopicConfig),
            new("log.retention.bytes", "3", ConfigSource.DynamicBrokerConfig),
            new("log.retention.bytes", "2", ConfigSource.DynamicDefaultBrokerConfig),
            new("log.retention.bytes", "1", ConfigSource.StaticBrokerConfig),
            new("log.retention.bytes", "-1", ConfigSource.DefaultConfig),
        ]);
        layers.DescribeBroker(BrokerConfigTable.Table.Get("log.retention.bytes")).Value.ShouldBe("3");
    }

    [Theory]
    [InlineData("log.retention.hours", "2", 7_200_000L)]
    [InlineData("log.retention.minutes", "2", 120_000L)]
    [InlineData("log.retention.ms", "2", 2L)]
    [InlineData("log.retention.hours", "-1", null)]
    public void Retention_in_other_units_becomes_milliseconds(string name, string value, long? expected) =>
        ConfigLayers.FromHost(Set((name, value))).ResolveTopic(Set()).RetentionMs.ShouldBe(expected);

    [Fact]
    public void Milliseconds_win_over_minutes_over_hours()
    {
        var layers = ConfigLayers.FromHost(Set(("log.retention.hours", "1"), ("log.retention.minutes", "1")));
        layers.ResolveTopic(Set()).RetentionMs.ShouldBe(60_000);
        layers.WithDynamicDefault(Set(("log.retention.ms", "5"))).ResolveTopic(Set()).RetentionMs.ShouldBe(5);
    }

    [Fact]
    public void The_largest_number_of_hours_does_not_overflow() =>
        ConfigLayers.FromHost(Set(("log.retention.hours", "2147483647"))).ResolveTopic(Set()).RetentionMs
            .ShouldBe(2_147_483_647L * 3_600_000);

    [Fact]
    public void Every_typed_topic_setting_follows_its_config()
    {
        var config = ConfigLayers.FromHost(Set()).ResolveTopic(Set(
            ("cleanup.policy", "compact"), ("compression.type", "zstd"), ("max.message.bytes", "9"),
            ("message.timestamp.after.max.ms", "8"), ("message.timestamp.before.max.ms", "7"),
            ("message.timestamp.type", "LogAppendTime"), ("min.insync.replicas", "2"), ("retention.bytes", "6"),
            ("retention.ms", "-1")));
        config.ShouldBe(new TopicConfig
        {
            Delete = false,
            Compact = true,
            Compression = CompressionCodec.Zstd,
            MaxMessageBytes = 9,
            TimestampAfterMaxMs = 8,
            TimestampBeforeMaxMs = 7,
            LogAppendTime = true,
            MinInSyncReplicas = 2,
            RetentionBytes = 6,
            RetentionMs = null,
        });
    }

    [Fact]
    public void A_bad_host_configuration_is_refused_by_name() =>
        Should.Throw<KafkaException>(() => ConfigLayers.FromHost(Set(("num.partitions", "0"))))
            .Message.ShouldBe("Invalid value '0' for num.partitions: expected a whole number (int), 1 or more.");

    [Fact]
    public void What_the_host_sets_without_effect_can_be_told() =>
        ConfigLayers.FromHost(Set(("num.io.threads", "4"), ("num.partitions", "4"))).SetWithoutEffect
            .Select(config => config.Name).ShouldBe(["num.io.threads"]);

    [Theory]
    [InlineData("", ConfigOperation.Append, "compact", "delete,compact")]
    [InlineData("compact", ConfigOperation.Append, "compact,delete", "compact,delete")]
    [InlineData("compact,delete", ConfigOperation.Subtract, "compact", "delete")]
    [InlineData("compact", ConfigOperation.Subtract, "delete", "compact")]
    [InlineData("compact", ConfigOperation.Set, "delete", "delete")]
    [InlineData("compact", ConfigOperation.Delete, null, null)]
    public void Lists_are_edited_item_by_item(string before, ConfigOperation operation, string? value, string? after)
    {
        var overrides = before.Length == 0 ? Set() : Set(("cleanup.policy", before));
        new ConfigEdit("cleanup.policy", operation, value).Apply(overrides, TopicConfigTable.Table)
            .GetValueOrDefault("cleanup.policy").ShouldBe(after);
    }

    [Theory]
    [InlineData("retention.ms", ConfigOperation.Append, "1", ErrorCode.InvalidConfig)]
    [InlineData("retention.ms", ConfigOperation.Set, null, ErrorCode.InvalidRequest)]
    [InlineData("retention.mss", ConfigOperation.Delete, null, ErrorCode.InvalidConfig)]
    public void An_edit_that_makes_no_sense_is_refused(string name, ConfigOperation operation, string? value, ErrorCode error) =>
        Should.Throw<KafkaException>(() => new ConfigEdit(name, operation, value).Apply(Set(), TopicConfigTable.Table))
            .Code.ShouldBe(error);

    private static ImmutableSortedDictionary<string, string> Set(params (string Name, string Value)[] values) =>
        values.ToImmutableSortedDictionary(value => value.Name, value => value.Value, StringComparer.Ordinal);
}
