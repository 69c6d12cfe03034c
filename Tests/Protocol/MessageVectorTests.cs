using Loire.Protocol.Messages;
using Loire.Protocol.Wire;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol;

public class MessageVectorTests
{
    [Fact]
    public void Every_vector_is_read_as_Kafka_reads_it() => ForEach(v =>
        JsonProjection.Difference(v.Value, MessageCodec.Read(v.Message, v.Bytes, v.Version), v.ToString()));

    [Fact]
    public void Every_vector_is_written_as_Kafka_writes_it() => ForEach(v =>
    {
        IMessage message = MessageCodec.Read(v.Message, v.Bytes, v.Version);
        string written = Convert.ToHexStringLower(MessageCodec.Write(message, v.Version));
        string expected = Convert.ToHexStringLower(v.Bytes);
        return written == expected ? null : $"{v}: {expected} expected, {written} written";
    });

    [Fact]
    public void The_size_is_known_before_writing() => ForEach(v =>
    {
        int size = MessageCodec.Read(v.Message, v.Bytes, v.Version).SizeOf(v.Version);
        return size == v.Bytes.Length ? null : $"{v}: {v.Bytes.Length} bytes expected, {size} announced";
    });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 7)]
    [InlineData(3, 40)]
    public void Input_in_segments_is_read_as_if_it_were_whole(int shortest, int longest)
    {
        var random = new Random(longest);
        ForEach(v => JsonProjection.Difference(
            v.Value,
            MessageCodec.Read(v.Message, MessageCodec.Cut(v.Bytes, () => random.Next(shortest, longest + 1)), v.Version),
            v.ToString()));
    }

    [Fact]
    public void Every_message_of_the_catalog_has_a_vector_at_its_highest_version()
    {
        var highest = MessageVector.All.GroupBy(v => v.Message).ToDictionary(g => g.Key, g => g.Max(v => v.Version));
        MessageCatalog.Messages.Where(m => highest.GetValueOrDefault(m.Name) < m.HighestVersion).ShouldBeEmpty();
        MessageVector.All.Count.ShouldBe(640);
    }

    [Fact]
    public void A_version_that_a_message_lacks_is_refused_by_name()
    {
        var error = Should.Throw<WireFormatException>(() => MessageCodec.Read("ProduceRequest", new byte[64], 14));
        error.Message.ShouldBe("ProduceRequest has no version 14");
    }

    private static void ForEach(Func<MessageVector, string?> check) =>
        MessageVector.All.Select(check).Where(problem => problem is not null).ShouldBeEmpty();
}
