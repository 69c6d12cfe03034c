using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Groups;
using Loire.Protocol.Wire;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Groups;

/// <summary>Kafka's bytes, written out by hand after its message definitions.</summary>
public sealed class ConsumerProtocolTests
{
    private const string TopicsAtVersion = "00000001" + "0001" + "74";
    private const string NoUserData = "FFFFFFFF";
    private const string OwnedPartition = "00000001" + "0001" + "74" + "00000001" + "00000003";

    private static readonly TopicName Topic = new("t");
    private static readonly TopicPartition Third = new(Topic, new PartitionIndex(3));

    [Fact]
    public void A_member_that_gave_everything_back_writes_the_oldest_version() =>
        Convert.ToHexString(ConsumerProtocol.WriteSubscription(new Subscription([Topic])).Span)
            .ShouldBe("0000" + TopicsAtVersion + NoUserData);

    [Fact]
    public void A_member_that_goes_on_reading_says_what_and_since_when() =>
        Convert.ToHexString(ConsumerProtocol.WriteSubscription(new Subscription([Topic], [Third], 7)).Span)
            .ShouldBe("0002" + TopicsAtVersion + "00000004" + "00000007" + OwnedPartition + "00000007");

    /// <summary>User data: none; the Java client's sticky assignor's, a generation; librdkafka's, with the last assignment
    /// before it; something else's.</summary>
    [Theory]
    [InlineData("0000" + TopicsAtVersion + NoUserData, 0, -1)]
    [InlineData("0001" + TopicsAtVersion + NoUserData + OwnedPartition, 1, -1)]
    [InlineData("0001" + TopicsAtVersion + "00000000" + "00000000", 0, -1)]
    [InlineData("0001" + TopicsAtVersion + "00000004" + "00000009" + OwnedPartition, 1, 9)]
    [InlineData("0001" + TopicsAtVersion + "00000013" + OwnedPartition + "00000009" + OwnedPartition, 1, 9)]
    [InlineData("0001" + TopicsAtVersion + "00000002" + "ABCD" + OwnedPartition, 1, -1)]
    [InlineData("0002" + TopicsAtVersion + NoUserData + OwnedPartition + "00000005", 1, 5)]
    [InlineData("0002" + TopicsAtVersion + "00000004" + "00000009" + OwnedPartition + "00000005", 1, 5)]
    [InlineData("0003" + TopicsAtVersion + NoUserData + OwnedPartition + "00000005" + "0004" + "7261636B", 1, 5)]
    [InlineData("0063" + TopicsAtVersion + NoUserData + OwnedPartition + "00000005" + "FFFF" + "ABCDEF", 1, 5)]
    public void Subscriptions_of_every_version_are_read(string hex, int owned, int generation)
    {
        var subscription = ConsumerProtocol.ReadSubscription(Bytes(hex));
        subscription.Topics.ShouldBe([Topic]);
        subscription.Owned.ShouldBe(Enumerable.Repeat(Third, owned));
        subscription.Generation.ShouldBe(generation);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("0000" + "7FFFFFFF")]
    [InlineData("0001" + TopicsAtVersion + NoUserData)]
    public void What_is_no_subscription_is_refused(string hex) =>
        Should.Throw<WireFormatException>(() => ConsumerProtocol.ReadSubscription(Bytes(hex)));

    [Fact]
    public void An_assignment_is_written_and_read()
    {
        var assignment = ConsumerProtocol.WriteAssignment([Third]);
        Convert.ToHexString(assignment.Span).ShouldBe("0000" + OwnedPartition + NoUserData);
        ConsumerProtocol.ReadAssignment(new ReadOnlySequence<byte>(assignment)).ShouldBe([Third]);
        ConsumerProtocol.ReadAssignment(default).ShouldBeEmpty();
    }

    private static ReadOnlySequence<byte> Bytes(string hex) => new(Convert.FromHexString(hex));
}
