using System.Globalization;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Groups;

public sealed class PartitionAssignorTests
{
    /// <summary>Each member as "name: its topics", a static one as "name/instance", the outcome as Kafka's assignors give it.</summary>
    [Theory]
    [InlineData("range", "a: x", "x=3", "a: x0 x1 x2")]
    [InlineData("range", "b: x; a: x", "x=3", "a: x0 x1; b: x2")]
    [InlineData("range", "a: x y; b: x y", "x=3 y=3", "a: x0 x1 y0 y1; b: x2 y2")]
    [InlineData("range", "a: x; b: y; c: x", "x=3 y=2", "a: x0 x1; b: y0 y1; c: x2")]
    [InlineData("range", "a: x; b: x; c: x", "x=2", "a: x0; b: x1; c:")]
    [InlineData("range", "a: gone x", "x=1", "a: x0")]
    [InlineData("range", "a: x; z/i: x; y/j: x", "x=2", "a:; y: x1; z: x0")]
    [InlineData("roundrobin", "a: x; b: x y", "x=3 y=2", "a: x0 x2; b: x1 y0 y1")]
    [InlineData("roundrobin", "a: x y; b: x y", "x=3 y=3", "a: x0 x2 y1; b: x1 y0 y2")]
    [InlineData("roundrobin", "a: x; z/i: x", "x=3", "a: x1; z: x0 x2")]
    [InlineData("roundrobin", "a: gone; b: y", "y=1 z=4", "a:; b: y0")]
    public void Partitions_are_spread_as_Kafka_does(string name, string members, string topics, string expected)
    {
        var assignor = new[] { PartitionAssignor.Range, PartitionAssignor.RoundRobin }.Single(assignor => assignor.Name == name);
        var subscribers = members.Split("; ").Select(member => member.Split(": ")).Select(parts => new Subscriber(
            parts[0].Split('/')[0],
            parts[0].Split('/').ElementAtOrDefault(1),
            new Subscription([.. parts[1].Split(' ').Select(topic => new TopicName(topic))])));
        var counts = topics.Split(' ').Select(topic => topic.Split('=')).ToDictionary(
            parts => new TopicName(parts[0]), parts => int.Parse(parts[1], CultureInfo.InvariantCulture));

        var assigned = assignor.Assign(subscribers, counts);

        var shares = assigned.OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => string.Join(
            ' ', member.Value.Select(partition => $"{partition.Topic}{partition.Partition}").Prepend(member.Key + ":")));
        string.Join("; ", shares).ShouldBe(expected);
    }
}
