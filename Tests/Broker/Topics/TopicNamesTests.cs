using Loire.Broker.Topics;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Broker.Topics;

public sealed class TopicNamesTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("A-z_0.9")]
    [InlineData("...")]
    [InlineData("__consumer_offsets")]
    public void Legal_names_have_no_fault(string name) => TopicNames.FindFault(new TopicName(name)).ShouldBeNull();

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("é")]
    [InlineData("a\0")]
    [InlineData("a\n")]
    public void Other_names_have_one(string name) => TopicNames.FindFault(new TopicName(name)).ShouldNotBeNull();

    [Fact]
    public void The_longest_name_has_249_characters()
    {
        TopicNames.FindFault(new TopicName(new string('a', 249))).ShouldBeNull();
        TopicNames.FindFault(new TopicName(new string('a', 250))).ShouldNotBeNull();
    }

    [Fact]
    public void The_coordinators_topics_are_internal()
    {
        TopicNames.IsInternal(new TopicName("__consumer_offsets")).ShouldBeTrue();
        TopicNames.IsInternal(new TopicName("__transaction_state")).ShouldBeTrue();
        TopicNames.IsInternal(new TopicName("__others")).ShouldBeFalse();
    }

    [Fact]
    public void Random_ids_never_start_with_a_hyphen() =>
        Enumerable.Range(0, 2_000).Select(_ => RandomIds.NewTopicId().ToString()).ShouldAllBe(id => id[0] != '-' && id.Length == 22);
}
