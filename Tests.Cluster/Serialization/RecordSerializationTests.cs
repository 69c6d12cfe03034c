using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Cluster;
using Loire.Grains;
using Loire.Grains.Interfaces;
using Loire.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Serialization;

/// <summary>What is sent between silos arrives as it was.</summary>
public sealed class RecordSerializationTests
{
    private readonly Serializer _serializer = new ServiceCollection()
        .AddSerializer(builder => builder.AddAssembly(typeof(LoireStorage).Assembly).AddAssembly(typeof(ITopicGrain).Assembly))
        .BuildServiceProvider()
        .GetRequiredService<Serializer>();

    [Fact]
    public void A_topic()
    {
        ShouldArrive(Records.Topic());
        RoundTrip<TopicRecord?>(null).ShouldBeNull();
    }

    [Fact]
    public void A_cluster() => ShouldArrive(Records.Cluster());

    [Fact]
    public void Commands()
    {
        var topic = new NewTopic(
            new TopicName("orders"), -1, 3, [[new NodeId(1), new NodeId(2)]], Records.Topic().ConfigOverrides);
        ShouldArrive(topic);
        RoundTrip(topic with { Assignments = null }).Assignments.ShouldBeNull();
        var proposal = new InSyncProposal(new NodeId(1), new LeaderEpoch(2), 3, [new NodeId(1)]);
        ShouldArrive(proposal);
        RoundTrip<BrokerGeneration?>(new BrokerGeneration(new NodeId(1), 2, "directory"))
            .ShouldBe(new BrokerGeneration(new NodeId(1), 2, "directory"));
        RoundTrip<BrokerGeneration?>(null).ShouldBeNull();
    }

    [Fact]
    public void A_refusal_keeps_its_code()
    {
        var refusal = (LoireException)RoundTrip<Exception>(new LoireException(36, "There is one."));
        refusal.Error.ShouldBe((short)36);
        refusal.Message.ShouldBe("There is one.");
    }

    private void ShouldArrive<T>(T value) => Records.Text(RoundTrip(value)).ShouldBe(Records.Text(value));

    private T RoundTrip<T>(T value) => _serializer.Deserialize<T>(_serializer.SerializeToArray(value))!;
}
