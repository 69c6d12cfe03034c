using Loire.Protocol;
using Loire.Protocol.Groups;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Groups;

/// <summary>Groups whose members own what the last assignment gave them.</summary>
public sealed class CooperativeStickyTests
{
    [Fact]
    public void A_first_assignment_is_even_and_whole()
    {
        var group = new Group(topics: 2, partitions: 5).Join("a").Join("b").Join("c");
        group.Rebalance().ShouldBe(0, "nobody has to let go of anything");
        group.Sizes.ShouldBe([4, 3, 3]);
        group.ShouldBeWhole();
    }

    [Fact]
    public void What_moves_is_first_let_go_then_given_and_nothing_else_moves()
    {
        var group = new Group(topics: 1, partitions: 9).Join("a").Join("b");
        group.Rebalance();
        var before = group.Owned;
        group.Join("c");
        group.Rebalance().ShouldBe(3);
        group["c"].ShouldBeEmpty("what it is to get is still another's");
        foreach (var member in (string[])["a", "b"])
            group[member].ShouldBeSubsetOf(before[member]);
        group.Sizes.ShouldBe([3, 3, 0]);
        group.Rebalance().ShouldBe(0);
        group.Sizes.ShouldBe([3, 3, 3]);
        group.ShouldBeWhole();
    }

    [Fact]
    public void What_a_member_leaves_behind_goes_to_the_others_at_once()
    {
        var group = new Group(topics: 1, partitions: 9).Join("a").Join("b").Join("c");
        group.Rebalance();
        var before = group.Owned;
        group.Leave("b");
        group.Rebalance().ShouldBe(0);
        before["a"].ShouldBeSubsetOf(group["a"]);
        before["c"].ShouldBeSubsetOf(group["c"]);
        group.Sizes.ShouldBe([5, 4]);
        group.ShouldBeWhole();
    }

    [Fact]
    public void Of_two_owners_the_one_of_the_later_generation_keeps_the_partition()
    {
        TopicName topic = new("t");
        TopicPartition partition = new(topic, new PartitionIndex(0));
        var assigned = PartitionAssignor.CooperativeSticky.Assign(
            [
                new Subscriber("a", null, new Subscription([topic], [partition], 3)),
                new Subscriber("b", null, new Subscription([topic], [partition], 4)),
                new Subscriber("c", null, new Subscription([topic])),
            ],
            new Dictionary<TopicName, int> { [topic] = 1 });
        assigned["a"].ShouldBeEmpty();
        assigned["b"].ShouldBe([partition]);
        assigned["c"].ShouldBeEmpty();
    }

    [Fact]
    public void Partitions_that_are_gone_or_no_longer_wanted_are_let_go()
    {
        TopicName kept = new("kept");
        TopicName left = new("left");
        Subscription stays = new([kept], [.. Partitions(kept, 3), .. Partitions(left, 1)], 1);
        var assigned = PartitionAssignor.CooperativeSticky.Assign(
            [new Subscriber("a", null, stays), new Subscriber("b", null, new Subscription([left]))],
            new Dictionary<TopicName, int> { [kept] = 2, [left] = 1 });
        assigned["a"].ShouldBe(Partitions(kept, 2));
        assigned["b"].ShouldBeEmpty("a still reads it");
    }

    /// <summary>Members come, go and change what they read; after each change the group settles in two rounds.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_happens_the_group_settles_evenly_and_nothing_has_two_owners(int seed)
    {
        var random = new Random(seed);
        var group = new Group(topics: 4, partitions: 7);
        var members = 0;
        for (var step = 0; step < 60; step++)
        {
            if (group.Members.Count < 2 || (group.Members.Count < 9 && random.Next(2) == 0))
                group.Join($"member-{members++}");
            else
                group.Leave(group.Members[random.Next(group.Members.Count)]);
            group.Rebalance();
            group.ShouldHaveNoPartitionTwice();
            group.Rebalance().ShouldBe(0, "all that was to move was let go in the round before");
            group.ShouldBeWhole();
            (group.Sizes.Max() - group.Sizes.Min()).ShouldBeLessThanOrEqualTo(1);
            var settled = group.Owned;
            group.Rebalance();
            foreach (var (member, owned) in group.Owned)
                owned.ShouldBe(settled[member], "a group that is even stays as it is");
        }
    }

    [Fact]
    public void Members_that_want_different_topics_are_as_even_as_that_allows()
    {
        TopicName small = new("small");
        TopicName large = new("large");
        var assigned = PartitionAssignor.CooperativeSticky.Assign(
            [
                new Subscriber("both", null, new Subscription([small, large])),
                new Subscriber("small-only", null, new Subscription([small])),
            ],
            new Dictionary<TopicName, int> { [small] = 4, [large] = 2 });
        assigned["both"].Count.ShouldBe(3);
        assigned["small-only"].Count.ShouldBe(3);
    }

    private static IEnumerable<TopicPartition> Partitions(TopicName topic, int count) =>
        Enumerable.Range(0, count).Select(index => new TopicPartition(topic, new PartitionIndex(index)));

    /// <summary>A group that plays the protocol: each member takes up its assignment and owns that in the next round.</summary>
    private sealed class Group(int topics, int partitions)
    {
        private readonly List<TopicName> _topics = [.. Enumerable.Range(0, topics).Select(index => new TopicName($"t{index}"))];
        private Dictionary<string, List<TopicPartition>> _owned = [];
        private int _generation;

        public IReadOnlyList<string> Members => [.. _owned.Keys.Order(StringComparer.Ordinal)];
        public IReadOnlyList<int> Sizes => [.. Members.Select(member => _owned[member].Count)];
        public Dictionary<string, List<TopicPartition>> Owned => _owned;

        public IReadOnlyList<TopicPartition> this[string member] => _owned[member];

        public Group Join(string member)
        {
            _owned = new Dictionary<string, List<TopicPartition>>(_owned) { [member] = [] };
            return this;
        }

        public void Leave(string member) =>
            _owned = _owned.Where(entry => entry.Key != member).ToDictionary(entry => entry.Key, entry => entry.Value);

        /// <returns>How many partitions were let go.</returns>
        public int Rebalance()
        {
            var before = _owned;
            _owned = PartitionAssignor.CooperativeSticky.Assign(
                before.Select(entry => new Subscriber(entry.Key, null, new Subscription(_topics, entry.Value, _generation))),
                _topics.ToDictionary(topic => topic, _ => partitions));
            _generation++;
            return before.Sum(entry => entry.Value.Except(_owned[entry.Key]).Count());
        }

        public void ShouldHaveNoPartitionTwice() => _owned.Values.SelectMany(owned => owned).ShouldBeUnique();

        public void ShouldBeWhole() => _owned.Values.SelectMany(owned => owned)
            .ShouldBe(_topics.SelectMany(topic => Partitions(topic, partitions)), ignoreOrder: true);
    }
}
