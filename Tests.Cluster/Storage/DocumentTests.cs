using System.Collections.Immutable;
using Loire.Grains.Control;
using Loire.Grains.Storage;
using Loire.Tests.Cluster.Serialization;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Storage;

/// <summary>What lies in the storages of running clusters. These texts are never to be changed: a new format gets a new one,
/// and the old ones stay readable.</summary>
public sealed class DocumentTests
{
    private const string Topic =
        """{"format":1,"name":"orders","id":"11111111-2222-3333-4444-555555555555","version":7,"isDeleted":true,"""
        + """ "allowsUncleanElection":true,"configs":{"retention.ms":"1000"},"partitions":["""
        + """{"replicas":[1,2,3],"inSync":[2],"leader":2,"leaderEpoch":4,"partitionEpoch":5,"adding":[1],"removing":[3]},"""
        + """{"replicas":[3],"inSync":[3],"leader":3,"leaderEpoch":6,"partitionEpoch":0}],"""
        + """ "generations":[{"broker":1,"generation":8,"directoryId":"directory-1"}]}""";

    /// <summary>Before brokers were retired.</summary>
    private const string ClusterOfFormat1 =
        """{"format":1,"clusterId":"cluster","version":9,"brokers":[{"node":1,"host":"localhost","port":9092,"generation":10,"""
        + """ "directoryId":"directory-1","isDraining":true,"rack":"rack","run":"run"}],"configs":{"":{"log.retention.ms":"11"}},"""
        + """ "nextProducerId":12}""";

    private const string Cluster =
        """{"format":2,"clusterId":"cluster","version":9,"brokers":[{"node":1,"host":"localhost","port":9092,"generation":10,"""
        + """ "directoryId":"directory-1","isDraining":true,"rack":"rack","run":"run","isRetired":true}],"""
        + """ "configs":{"":{"log.retention.ms":"11"}},"nextProducerId":12}""";

    private const string Names = """{"format":1,"topics":{"orders":7,"payments":2}}""";

    private static readonly ImmutableDictionary<int, string> Runs = ImmutableDictionary<int, string>.Empty.Add(1, "run");

    private readonly DocumentSerializer _serializer = new();

    [Fact]
    public void A_topic()
    {
        Write(TopicDocument.From(Records.Topic())).ShouldBe(Plain(Topic));
        Records.Text(Read<TopicDocument>(Topic).ToRecord()).ShouldBe(Records.Text(Records.Topic()));
    }

    [Fact]
    public void A_cluster()
    {
        var state = new ClusterState(Records.Cluster(), 12, Runs);
        Write(ClusterDocument.From(state)).ShouldBe(Plain(Cluster));
        Records.Text(Read<ClusterDocument>(Cluster).ToState()).ShouldBe(Records.Text(state));
    }

    [Fact]
    public void A_cluster_of_format_1()
    {
        var cluster = Records.Cluster();
        var state = new ClusterState(cluster with { Brokers = [cluster.Brokers[0] with { IsRetired = false }] }, 12, Runs);
        Records.Text(Read<ClusterDocument>(ClusterOfFormat1).ToState()).ShouldBe(Records.Text(state));
    }

    [Fact]
    public void A_broker_without_a_rack_that_registered_before_runs_were_noted()
    {
        var cluster = Records.Cluster();
        var broker = cluster.Brokers[0];
        var rackless = cluster with { Brokers = [broker with { Endpoint = broker.Endpoint with { Rack = null } }] };
        var state = new ClusterState(rackless, 12, Runs.Clear());
        var text = Write(ClusterDocument.From(state));
        text.ShouldNotContain("rack");
        text.ShouldNotContain("run");
        Records.Text(Read<ClusterDocument>(text).ToState()).ShouldBe(Records.Text(state));
    }

    [Fact]
    public void Names_of_topics()
    {
        var names = ImmutableSortedDictionary<string, long>.Empty.Add("orders", 7).Add("payments", 2);
        Write(TopicNamesDocument.From(names)).ShouldBe(Plain(Names));
        Read<TopicNamesDocument>(Names).ToTopics().ShouldBe(names);
    }

    [Theory]
    [InlineData("", "cannot be read")]
    [InlineData("null", "format")]
    [InlineData("{}", "cannot be read")]
    [InlineData("""{"format":2,"topics":{},"more":1}""", "format 2")]
    [InlineData("""{"format":0,"topics":{}}""", "format 0")]
    [InlineData("""{"format":1}""", "cannot be read")]
    [InlineData("""{"format":1,"topics":null}""", "cannot be read")]
    public void What_is_none_is_refused_with_the_reason(string text, string reason) =>
        Should.Throw<StoredStateException>(() => Read<TopicNamesDocument>(text)).Message.ShouldContain(reason);

    /// <summary>Some of the lines above start with a space, which a raw string needs before a quote.</summary>
    private static string Plain(string text) => text.Replace(" ", "", StringComparison.Ordinal);

    private string Write<T>(T document) => _serializer.Serialize(document).ToString();

    private T Read<T>(string text) => _serializer.Deserialize<T>(BinaryData.FromString(text));
}
