using Loire.Protocol;
using Loire.Protocol.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Client;

public sealed class RangeAssignorTests
{
    /// <summary>Each member as "name: its topics", the outcome as Kafka's range assignor gives it.</summary>
    [Theory]
    [InlineData("a: x", "x=3", "a: x0 x1 x2")]
    [InlineData("b: x; a: x", "x=3", "a: x0 x1; b: x2")]
    [InlineData("a: x y; b: x y", "x=3 y=3", "a: x0 x1 y0 y1; b: x2 y2")]
    [InlineData("a: x; b: y; c: x", "x=3 y=2", "a: x0 x1; b: y0 y1; c: x2")]
    [InlineData("a: x; b: x; c: x", "x=2", "a: x0; b: x1; c:")]
    [InlineData("a: gone x", "x=1", "a: x0")]
    public void Partitions_are_cut_into_ranges(string members, string topics, string expected)
    {
        var subscriptions = members.Split("; ").Select(member => member.Split(": ")).ToDictionary(
            parts => parts[0], IReadOnlyList<TopicName> (parts) => [.. parts[1].Split(' ').Select(topic => new TopicName(topic))]);
        var counts = topics.Split(' ').Select(topic => topic.Split('=')).ToDictionary(
            parts => new TopicName(parts[0]), parts => int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));

        var assigned = RangeAssignor.Assign(subscriptions, counts);

        var shares = assigned.OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => string.Join(
            ' ', member.Value.Select(partition => $"{partition.Topic}{partition.Partition}").Prepend(member.Key + ":")));
        string.Join("; ", shares).ShouldBe(expected);
    }
}
