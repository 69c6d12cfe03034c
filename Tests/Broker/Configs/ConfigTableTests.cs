using System.Collections.Immutable;
using System.Text;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Configs;

public sealed class ConfigTableTests
{
    private const string Document = "docs/configs.md";

    private static readonly ImmutableSortedDictionary<string, string> Nothing = ImmutableSortedDictionary<string, string>.Empty;

    public static TheoryData<string, string> AllConfigs => new(
        TopicConfigTable.Table.All.Select(config => ("topic", config.Name))
            .Concat(BrokerConfigTable.Table.All.Select(config => ("broker", config.Name))));

    [Theory]
    [MemberData(nameof(AllConfigs))]
    public void A_default_is_allowed_and_canonical(string kind, string name)
    {
        var config = Table(kind).Get(name);
        if (config.Default is not null)
            config.Normalize(config.Default).ShouldBe(config.Default);
        config.Documentation.ShouldEndWith(".");
        config.Documentation.ShouldNotContain("\n");
    }

    [Theory]
    [MemberData(nameof(AllConfigs))]
    public void What_its_type_or_rule_forbids_is_refused_by_name(string kind, string name)
    {
        var config = Table(kind).Get(name);
        string[] bad = config.Type switch
        {
            ConfigType.Boolean => ["", "yes", "1"],
            ConfigType.Int => ["", "x", "1.5", "2147483648", "-2147483649", "1_000", "0x10"],
            ConfigType.Short => ["", "x", "32768"],
            ConfigType.Long => ["", "x", "1e3", "9223372036854775808"],
            ConfigType.Double => ["", "x", "NaN", "-1", "Infinity"],
            ConfigType.List when config.Rule != ConfigRule.Any => ["no-such-item", ",", "delete,no-such-item"],
            ConfigType.String when config.Rule != ConfigRule.Any => ["", "no-such-value"],
            _ => [],
        };
        foreach (var value in bad)
        {
            var refusal = Should.Throw<KafkaException>(() => config.Normalize(value), value);
            refusal.Code.ShouldBe(ErrorCode.InvalidConfig);
            refusal.Message.ShouldContain(name);
        }
    }

    [Theory]
    [MemberData(nameof(AllConfigs))]
    public void Every_fallback_is_a_broker_config_of_a_fitting_type(string kind, string name)
    {
        foreach (var fallback in Table(kind).Get(name).Fallbacks)
        {
            var broker = BrokerConfigTable.Table.Get(fallback.Name);
            (broker.Type is ConfigType.Int or ConfigType.Long or ConfigType.Short).ShouldBe(
                Table(kind).Get(name).Type is ConfigType.Int or ConfigType.Long or ConfigType.Short);
        }
    }

    [Fact]
    public void A_topic_default_is_what_its_fallbacks_come_to()
    {
        var layers = ConfigLayers.FromHost([]);
        foreach (var config in TopicConfigTable.Table.All)
            layers.DescribeTopic(config, Nothing).Value.ShouldBe(config.Default, config.Name);
    }

    [Fact]
    public void The_typed_settings_have_the_defaults_of_the_tables()
    {
        var layers = ConfigLayers.FromHost([]);
        layers.Broker.ShouldBe(BrokerConfig.Default);
        layers.ResolveTopic(Nothing).ShouldBe(TopicConfig.Default);
    }

    [Theory]
    [InlineData("topic", "retention.millis", "Did you mean retention.ms?")]
    [InlineData("topic", "cleanup.polcy", "Did you mean cleanup.policy?")]
    [InlineData("topic", "zzz", "Unknown topic config 'zzz'.")]
    [InlineData("topic", "", "Unknown topic config ''.")]
    [InlineData("topic", "message.format.version", "Kafka 4.0 removed it")]
    [InlineData("broker", "auto.create.topic.enable", "Did you mean auto.create.topics.enable?")]
    [InlineData("broker", "zookeeper.connect", "no ZooKeeper")]
    public void An_unknown_config_is_refused_with_a_hint(string kind, string name, string hint)
    {
        var refusal = Should.Throw<KafkaException>(() => Table(kind).Get(name));
        refusal.Code.ShouldBe(ErrorCode.InvalidConfig);
        refusal.Message.ShouldContain(hint);
    }

    [Fact]
    public void What_Streams_Connect_and_Flink_set_on_their_topics_is_accepted() =>
        TopicConfigTable.Table.Normalize(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["cleanup.policy"] = "compact, delete",
            ["segment.bytes"] = "52428800",
            ["segment.ms"] = "604800000",
            ["segment.index.bytes"] = "10485760",
            ["retention.ms"] = "-1",
            ["message.timestamp.type"] = "CreateTime",
            ["min.insync.replicas"] = "1",
            ["compression.type"] = "lz4",
            ["unclean.leader.election.enable"] = "False",
            ["min.compaction.lag.ms"] = "0",
            ["delete.retention.ms"] = "86400000",
            ["flush.messages"] = "10000",
            ["file.delete.delay.ms"] = "60000",
            ["preallocate"] = "FALSE",
        })["cleanup.policy"].ShouldBe("compact,delete");

    /// <summary>The document is written from the tables: where it differs, run this test once
    /// with LOIRE_WRITE_DOCS=1.</summary>
    [Fact]
    public void The_document_lists_every_config()
    {
        var expected = WriteDocument();
        var path = Path.Combine(Repository.Root, Document);
        if (Environment.GetEnvironmentVariable("LOIRE_WRITE_DOCS") == "1")
            File.WriteAllText(path, expected);
        File.ReadAllText(path).ShouldBe(expected);
    }

    private static ConfigTable Table(string kind) =>
        string.Equals(kind, "topic", StringComparison.Ordinal) ? TopicConfigTable.Table : BrokerConfigTable.Table;

    private static string WriteDocument()
    {
        var text = new StringBuilder()
            .Append("# Configs\n\n")
            .Append("Names, types and defaults are Kafka's. A config that is in none of these tables is refused by name with\n")
            .Append("INVALID_CONFIG, when a client sets it and when the host's configuration has it. Written from the tables in\n")
            .Append("`Broker/Configs`; a test keeps it so.\n");
        foreach (var (title, table) in new[] { ("Topic", TopicConfigTable.Table), ("Broker", BrokerConfigTable.Table) })
        {
            Append(text, $"{title} configs that are honoured", table, ConfigEffect.Honoured);
            Append(text, $"{title} configs that are checked and shown, without effect", table, ConfigEffect.ShownOnly);
            if (table == BrokerConfigTable.Table)
                Append(text, "Broker configs that show options of the host", table, ConfigEffect.HostOption);
            text.Append($"\n## {title} configs that are refused\n\n| config | because |\n|---|---|\n");
            foreach (var (name, reason) in table.Refusals)
                text.Append($"| `{name}` | {reason} |\n");
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, string title, ConfigTable table, ConfigEffect effect)
    {
        var ofBroker = table == BrokerConfigTable.Table;
        text.Append($"\n## {title}\n\n| config | type | default | allowed | {(ofBroker ? "changes while running" : "falls back to")} | |\n")
            .Append("|---|---|---|---|---|---|\n");
        foreach (var config in table.All.Where(config => config.Effect == effect))
        {
            var third = ofBroker
                ? config.IsDynamic ? "yes" : "no"
                : string.Join(", ", config.Fallbacks.Select(fallback => $"`{fallback.Name}`"));
            text.Append($"| `{config.Name}` | {config.Type.ToString().ToLowerInvariant()} | {config.Default} | {config.Rule} | ")
                .Append($"{third} | {config.Documentation} |\n");
        }
    }
}
