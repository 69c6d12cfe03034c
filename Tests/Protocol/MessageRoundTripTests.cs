using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Protocol.Wire;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol;

public class MessageRoundTripTests
{
    private static readonly (string Name, SchemaSampler Sampler)[] Messages =
        [.. MessageCatalog.Messages.Select(m => (m.Name, new SchemaSampler(m.Name)))];

    [Fact]
    public void Random_values_of_every_message_and_version_survive_reading_and_writing() =>
        Check(seeds: 15, unknownTags: false);

    [Fact]
    public void Unknown_tagged_fields_are_skipped_everywhere() => Check(seeds: 5, unknownTags: true);

    [Fact]
    public void A_message_too_large_for_its_frame_has_no_size()
    {
        var partition = new FetchResponse.PartitionData { Records = new RecordsPayload(new HugeSource()) };
        var topic = new FetchResponse.FetchableTopicResponse { Partitions = [partition, partition, partition] };
        Should.Throw<OverflowException>(() => new FetchResponse { Responses = [topic] }.SizeOf(12));
    }

    private static void Check(int seeds, bool unknownTags)
    {
        int versions = 0;
        foreach ((string name, SchemaSampler sampler) in Messages)
        {
            foreach (short version in sampler.Versions)
            {
                versions++;
                Arbitrary<int> anySeed = Gen.Choose(0, int.MaxValue).ToArbitrary();
                Prop.ForAll(anySeed, seed => RoundTrips(name, sampler, seed, version, unknownTags))
                    .Check(Config.QuickThrowOnFailure.WithMaxTest(seeds));
            }
        }

        versions.ShouldBeGreaterThanOrEqualTo(640);
    }

    /// <summary>What is read is written again byte for byte, except for the tags that nobody knows.</summary>
    private static void RoundTrips(string name, SchemaSampler sampler, int seed, short version, bool unknownTags)
    {
        byte[] known = sampler.Sample(seed, version, unknownTags: false);
        byte[] input = unknownTags ? sampler.Sample(seed, version, unknownTags: true) : known;
        IMessage message = MessageCodec.Read(name, input, version);
        string context = $"{name} v{version} seed {seed}";
        Convert.ToHexString(MessageCodec.Write(message, version)).ShouldBe(Convert.ToHexString(known), context);
        message.SizeOf(version).ShouldBe(known.Length, context);
    }

    private sealed class HugeSource : IRecordsSource
    {
        public int SizeBytes => 1 << 30;

        public int CopyNext(IBufferWriter<byte> output, int sizeBytes) => throw new NotSupportedException();

        public void Release()
        {
        }
    }
}
