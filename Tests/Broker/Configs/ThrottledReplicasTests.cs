using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Configs;

public sealed class ThrottledReplicasTests
{
    [Fact]
    public void Pairs_of_partition_and_broker_are_read()
    {
        var replicas = Parse("0:1,0:2, 1:2").ShouldNotBeNull();
        replicas.Contains(new PartitionIndex(0), new NodeId(1)).ShouldBeTrue();
        replicas.Contains(new PartitionIndex(1), new NodeId(2)).ShouldBeTrue();
        replicas.Contains(new PartitionIndex(1), new NodeId(1)).ShouldBeFalse();
        replicas.IsEmpty.ShouldBeFalse();
    }

    [Fact]
    public void A_star_is_all_and_nothing_is_none()
    {
        Parse("*").ShouldNotBeNull().Contains(new PartitionIndex(7), new NodeId(3)).ShouldBeTrue();
        Parse("").ShouldNotBeNull().IsEmpty.ShouldBeTrue();
    }

    [Theory]
    [InlineData("0")]
    [InlineData("0:")]
    [InlineData("0:1:2")]
    [InlineData("-1:1")]
    [InlineData("0:x")]
    [InlineData("*,0:1")]
    [InlineData("0:1,,1:2")]
    public void All_else_is_refused(string value) => Parse(value).ShouldBeNull();

    private static ThrottledReplicas? Parse(string value) => ThrottledReplicas.TryParse(ConfigDefinition.SplitList(value));
}
