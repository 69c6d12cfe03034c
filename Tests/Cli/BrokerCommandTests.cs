using System.Text.Json;
using Loire.Embedded;
using Loire.Protocol;
using Loire.Protocol.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cli;

/// <summary>The commands against a real broker.</summary>
public sealed class BrokerCommandTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async ValueTask InitializeAsync() =>
        _broker = await EmbeddedBroker.StartAsync(cancellationToken: TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task Topics_are_created_listed_described_grown_and_deleted()
    {
        (await DoneAsync("topics", "create", "orders", "-p", "2", "-c", "retention.ms=60000")).ShouldContain("orders");
        (await DoneAsync("topics", "list")).ShouldContain("orders");
        (await JsonAsync("topics", "describe", "orders")).GetArrayLength().ShouldBe(2);
        await DoneAsync("topics", "grow", "orders", "-p", "5");
        (await JsonAsync("topics", "describe", "orders")).GetArrayLength().ShouldBe(5);
        await DoneAsync("topics", "delete", "orders");
        var gone = await RunAsync("topics", "describe", "orders");
        gone.ExitCode.ShouldBe(1);
        gone.Error.ShouldContain("loire topics create");
    }

    [Fact]
    public async Task What_cannot_be_deleted_keeps_nothing_from_the_others()
    {
        await DoneAsync("topics", "create", "a");
        await DoneAsync("topics", "create", "b");
        var topics = await RunAsync("topics", "delete", "a", "nowhere", "b");
        topics.ExitCode.ShouldBe(1);
        topics.Output.ShouldContain("Deleted a, b.");
        topics.Error.ShouldContain("1 of 3 are not deleted");
        topics.Error.ShouldContain("nowhere");
        (await JsonAsync("topics", "list")).GetArrayLength().ShouldBe(0);

        await DoneAsync("topics", "create", "t");
        await DoneAsync("groups", "reset", "g", "--topic", "t", "--to", "beginning", "--yes");
        var groups = await RunAsync("groups", "delete", "nobody", "g", "--json");
        groups.ExitCode.ShouldBe(1);
        groups.Error.ShouldContain("nobody");
        var facts = JsonDocument.Parse(groups.Output).RootElement;
        facts.GetProperty("deleted").EnumerateArray().Single().GetString().ShouldBe("g");
        facts.GetProperty("refused").EnumerateArray().Single().GetProperty("name").GetString().ShouldBe("nobody");
    }

    [Fact]
    public async Task A_topic_that_exists_may_be_as_good_as_created()
    {
        await DoneAsync("topics", "create", "t", "-p", "2", "--if-not-exists");
        (await DoneAsync("topics", "create", "t", "-p", "5", "--if-not-exists")).ShouldContain("exists already");
        (await JsonAsync("topics", "create", "t", "--if-not-exists")).GetProperty("created").GetBoolean().ShouldBeFalse();
        (await JsonAsync("topics", "describe", "t")).GetArrayLength().ShouldBe(2);
    }

    [Fact]
    public async Task Topics_are_described_together_and_may_be_filtered()
    {
        await DoneAsync("topics", "create", "b");
        await DoneAsync("topics", "create", "a", "-p", "2");
        (await JsonAsync("topics", "describe")).EnumerateArray()
            .Select(row => (row.GetProperty("topic").GetString(), row.GetProperty("partition").GetInt32()))
            .ShouldBe([("a", 0), ("a", 1), ("b", 0)]);
        (await JsonAsync("topics", "describe", "--under-replicated", "--offline")).GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task A_refusal_is_exit_code_1_with_the_brokers_reason()
    {
        await DoneAsync("topics", "create", "twice");
        var again = await RunAsync("topics", "create", "twice");
        again.ExitCode.ShouldBe(1);
        again.Error.ShouldContain("twice");
        (await RunAsync("topics", "create", "t", "-c", "no.such.config=1")).Error.ShouldContain("no.such.config");
        (await RunAsync("groups", "describe", "nobody")).Error.ShouldContain("nobody");
        (await RunAsync("consume", "twice", "-p", "99")).Error.ShouldContain("99");
        (await RunAsync("produce", "twice", "-p", "99", "-f", "/dev/null")).Error.ShouldContain("there is no partition 99");
        (await RunAsync("configs", "describe", "broker", "99")).Error.ShouldContain("Broker 99 is not up");
    }

    [Fact]
    public async Task A_broker_that_is_alone_leads_everything_and_elections_are_not_needed()
    {
        await DoneAsync("topics", "create", "t", "-p", "2");
        foreach (var row in (await JsonAsync("topics", "elect", "t")).EnumerateArray())
        {
            row.GetProperty("election").GetString().ShouldBe("not needed");
            row.GetProperty("leader").GetInt32().ShouldBe(row.GetProperty("before").GetInt32());
        }

        var unclean = await RunAsync("topics", "elect", "t", "--unclean", "--yes");
        unclean.ExitCode.ShouldBe(0, unclean.Error);
        unclean.Error.ShouldContain("each of these partitions of t has a leader");
        (await JsonAsync("topics", "elect", "t", "--unclean")).GetArrayLength().ShouldBe(0);

        var noPartition = await RunAsync("topics", "elect", "t", "-p", "0", "-p", "2");
        noPartition.ExitCode.ShouldBe(1);
        noPartition.Error.ShouldContain("Topic t has 2 partitions; there is no partition 2.");
        var noTopic = await RunAsync("topics", "elect", "nowhere");
        noTopic.ExitCode.ShouldBe(1);
        noTopic.Error.ShouldContain("Topic nowhere: there is no such topic");
    }

    [Fact]
    public async Task A_broker_that_is_alone_is_not_unregistered_and_knows_no_other()
    {
        var self = (await JsonAsync("brokers", "list"))[0].GetProperty("broker").GetInt32();
        var up = await RunAsync("brokers", "unregister", $"{self}");
        up.ExitCode.ShouldBe(1);
        up.Error.ShouldContain($"Broker {self} is up, and alone");
        (await RunAsync("brokers", "unregister", "99")).Error.ShouldContain("No broker 99 is registered");
    }

    [Fact]
    public async Task Settings_are_set_shown_and_unset()
    {
        await DoneAsync("topics", "create", "t");
        (await JsonAsync("configs", "describe", "topic", "t")).GetArrayLength().ShouldBe(0);
        await DoneAsync("configs", "set", "topic", "t", "retention.ms=1234", "cleanup.policy=compact");
        var settings = (await JsonAsync("configs", "describe", "topic", "t")).EnumerateArray()
            .ToDictionary(setting => setting.GetProperty("name").GetString()!, setting => setting.GetProperty("value").GetString());
        settings.ShouldContainKeyAndValue("retention.ms", "1234");
        settings.ShouldContainKeyAndValue("cleanup.policy", "compact");
        await DoneAsync("configs", "unset", "topic", "t", "retention.ms", "cleanup.policy");
        (await JsonAsync("configs", "describe", "topic", "t")).GetArrayLength().ShouldBe(0);
        (await JsonAsync("configs", "describe", "topic", "t", "--all")).GetArrayLength().ShouldBeGreaterThan(10);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("gzip")]
    [InlineData("snappy")]
    [InlineData("lz4")]
    [InlineData("zstd")]
    public async Task Records_come_back_as_they_were_written(string codec)
    {
        await DoneAsync("topics", "create", "t", "-p", "1");
        await ProduceAsync("t", ["k1:v1", "k2:", "no key", "k3:v:3"], "-k", ":", "--empty-is-null", "-H", "h=x", "-z", codec);

        var records = await ConsumeAsync("t", "-o", "beginning", "-e");
        records.Select(record => record.GetProperty("offset").GetInt64()).ShouldBe([0, 1, 2, 3]);
        records.Select(record => record.GetProperty("key").GetString()).ShouldBe(["k1", "k2", null, "k3"]);
        records.Select(record => record.GetProperty("value").GetString()).ShouldBe(["v1", null, "no key", "v:3"]);
        records[0].GetProperty("headers")[0].GetProperty("value").GetString().ShouldBe("x");

        (await DoneAsync("consume", "t", "-o", "2", "-n", "1")).Trim().ShouldBe("no key");
        var since2000 = await DoneAsync("consume", "t", "-o", "2000-01-01T00:00:00Z", "-n", "1", "--format", "KeyValue", "-k", "=");
        since2000.Trim().ShouldBe("k1=v1");
        (await DoneAsync("consume", "t", "-o", "beginning", "-n", "1", "-k", @"\t")).TrimEnd().ShouldBe("k1\tv1");
        (await ConsumeAsync("t", "--from", "-2", "-e")).Select(record => record.GetProperty("offset").GetInt64()).ShouldBe([2, 3]);
        (await ConsumeAsync("t", "--from", "-9", "-e")).Count.ShouldBe(4);
        (await DoneAsync("consume", "t", "-o", "end", "-e")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_group_continues_where_it_stopped_and_can_be_reset()
    {
        await DoneAsync("topics", "create", "t", "-p", "1");
        await ProduceAsync("t", ["1", "2", "3", "4", "5"]);
        var firstTwo = await DoneAsync("consume", "t", "-g", "g", "-o", "beginning", "-n", "2");
        firstTwo.ShouldBe($"1{Environment.NewLine}2{Environment.NewLine}");

        var lag = (await JsonAsync("groups", "describe", "g")).GetProperty("partitions")[0];
        lag.GetProperty("committedOffset").GetInt64().ShouldBe(2);
        lag.GetProperty("lag").GetInt64().ShouldBe(3);
        (await DoneAsync("groups", "list")).ShouldContain("g");

        (await RunAsync("groups", "reset", "g", "--to", "beginning")).Error.ShouldContain("Nothing is changed: repeat with --yes.");
        (await DoneAsync("consume", "t", "-g", "g", "-n", "1")).Trim().ShouldBe("3");
        await DoneAsync("groups", "reset", "g", "--to", "4", "--yes");
        (await DoneAsync("consume", "t", "-g", "g", "-e")).Trim().ShouldBe("5");
        await DoneAsync("groups", "delete", "g");
        (await JsonAsync("groups", "list")).GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Offsets_are_reset_for_some_partitions_by_so_many_and_within_the_log()
    {
        await DoneAsync("topics", "create", "t", "-p", "2");
        await ProduceAsync("t", ["1", "2", "3", "4", "5"], "-p", "1");
        (await ResetAsync("--topic", "t", "--to", "end")).ShouldBe([(0, 0), (1, 5)]);
        (await ResetAsync("--shift-by", "-2", "--topic", "t:1")).ShouldBe([(1, 3)]);

        var beyond = await RunAsync("groups", "reset", "g", "--to", "100", "--topic", "t:1", "--yes");
        beyond.ExitCode.ShouldBe(0, beyond.Error);
        beyond.Error.ShouldContain("t-1: 100 lies outside the log, which reaches from 0 to 5; 5 is taken.");
        (await JsonAsync("groups", "describe", "g")).GetProperty("partitions").EnumerateArray()
            .Select(row => row.GetProperty("committedOffset").GetInt64()).ShouldBe([0, 5]);

        await DoneAsync("topics", "create", "new");
        (await RunAsync("groups", "reset", "g", "--shift-by", "1", "--topic", "new")).Error.ShouldContain("nothing for new-0");
        (await RunAsync("groups", "reset", "g", "--to", "end", "--topic", "t:7")).Error.ShouldContain("there is no partition 7");
        (await RunAsync("groups", "reset", "g", "--to", "end", "--topic", "t:x")).ExitCode.ShouldBe(2);

        async Task<IEnumerable<(int, long)>> ResetAsync(params string[] args) =>
            (await JsonAsync(["groups", "reset", "g", .. args, "--yes"])).EnumerateArray()
                .Select(row => (row.GetProperty("partition").GetInt32(), row.GetProperty("after").GetInt64()));
    }

    [Fact]
    public async Task A_group_whose_offset_is_not_in_the_log_starts_anew_and_says_so()
    {
        await DoneAsync("topics", "create", "t", "-p", "1");
        await ProduceAsync("t", ["1", "2"]);
        await using (var client = new KafkaClient(new KafkaClientOptions { BootstrapServers = _broker.BootstrapServers }))
        {
            var partition = new TopicPartition(new TopicName("t"), new PartitionIndex(0));
            var beyond = new Dictionary<TopicPartition, Offset> { [partition] = new Offset(50) };
            await client.CommitAsync(new GroupId("g"), beyond, TestContext.Current.CancellationToken);
        }

        var run = await RunAsync("consume", "t", "-g", "g", "-o", "beginning", "-e");
        run.ExitCode.ShouldBe(0, run.Error);
        run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(["1", "2"]);
        run.Error.ShouldContain("the committed offset 50 lies outside the log, which reaches from 0 to 2; reading starts at 0");
    }

    [Fact]
    public async Task Load_figures_count_every_record()
    {
        var written = await JsonAsync("bench", "produce", "load", "-n", "5000", "-s", "100", "--idempotent");
        written.GetProperty("records").GetInt64().ShouldBe(5000);
        var read = await JsonAsync("bench", "consume", "load");
        read.GetProperty("records").GetInt64().ShouldBe(5000);
        read.GetProperty("bytes").GetInt64().ShouldBe(500_000);
    }

    [Fact]
    public async Task The_log_of_a_running_broker_is_left_alone()
    {
        var run = await CliRun.RunAsync("log", "verify", _broker.DataDirectory);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldNotBeEmpty();
    }

    private Task<CliRun> RunAsync(params string[] args) => CliRun.RunAsync([.. args, "-b", _broker.BootstrapServers]);

    private async Task<string> DoneAsync(params string[] args)
    {
        var run = await RunAsync(args);
        run.ExitCode.ShouldBe(0, run.Error);
        return run.Output;
    }

    private async Task<JsonElement> JsonAsync(params string[] args) =>
        JsonDocument.Parse(await DoneAsync([.. args, "--json"])).RootElement;

    private async Task<List<JsonElement>> ConsumeAsync(params string[] args)
    {
        var lines = await DoneAsync(["consume", .. args, "--json"]);
        return [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private async Task ProduceAsync(string topic, string[] lines, params string[] args)
    {
        var file = Path.Combine(_broker.DataDirectory, "..", Path.GetRandomFileName());
        await File.WriteAllLinesAsync(file, lines, TestContext.Current.CancellationToken);
        try
        {
            await DoneAsync(["produce", topic, "-f", file, .. args]);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
