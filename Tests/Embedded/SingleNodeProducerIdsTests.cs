using Loire.Broker.Ports;
using Loire.Embedded.Engine;
using Loire.Protocol;
using Shouldly;
using Xunit;

namespace Loire.Tests.Embedded;

public sealed class SingleNodeProducerIdsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("loire-ids-").FullName;

    private string FilePath => Path.Combine(_directory, SingleNodeProducerIds.FileName);

    [Fact]
    public async Task Ids_differ_within_a_run_and_over_runs_that_end_at_any_time()
    {
        var seen = new HashSet<long>();
        foreach (var count in new[] { 1, 2_500, 1_000, 0, 3 })
        {
            var ids = SingleNodeProducerIds.Open(_directory);
            for (var i = 0; i < count; i++) seen.Add((await NextAsync(ids)).Value).ShouldBeTrue();
        }

        seen.ShouldAllBe(id => id >= 0);
    }

    [Fact]
    public async Task Threads_never_share_an_id()
    {
        var ids = SingleNodeProducerIds.Open(_directory);
        var all = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            var mine = new List<long>();
            for (var i = 0; i < 1_500; i++) mine.Add((await NextAsync(ids)).Value);
            return mine;
        })));
        all.SelectMany(mine => mine).Distinct().Count().ShouldBe(6_000);
    }

    [Theory]
    [InlineData("")]
    [InlineData("format 2\nnext 5\n")]
    [InlineData("format 1\nnext -5\n")]
    [InlineData("format 1\nnext 99999999999999999999\n")]
    public void A_damaged_file_is_named(string content)
    {
        File.WriteAllText(FilePath, content);
        Should.Throw<DataDirectoryException>(() => SingleNodeProducerIds.Open(_directory)).Message.ShouldContain(FilePath);
    }

    [Fact]
    public async Task Ids_that_cannot_be_reserved_are_not_given()
    {
        var ids = SingleNodeProducerIds.Open(_directory);
        Directory.Delete(_directory);
        (await Should.ThrowAsync<KafkaException>(async () => await NextAsync(ids))).Code.ShouldBe(ErrorCode.KafkaStorageError);
        Directory.CreateDirectory(_directory);
        (await NextAsync(ids)).Value.ShouldBe(0);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static ValueTask<ProducerId> NextAsync(SingleNodeProducerIds ids) => ids.NextAsync(TestContext.Current.CancellationToken);
}
