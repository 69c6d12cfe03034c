using Loire.Client;
using Orleans.Providers.Streams.Common;
using Orleans.Streams;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Streams;

public sealed class LogWindowTests
{
    private const int Life = 7;
    private static readonly StreamId A = StreamId.Create("topic", "a");
    private static readonly StreamId B = StreamId.Create("topic", "b");

    private readonly List<PageRequest> _requested = [];
    private readonly LogWindow _window;

    public LogWindowTests()
    {
        _window = new LogWindow(sizeBytesMax: 30, _requested.Add);
        _window.Restart(100, Life);
    }

    [Fact]
    public void A_reader_gets_its_streams_events_and_nobody_elses()
    {
        var cursor = Open(A, null);
        Append(100, A, B, A);
        Next(cursor).ShouldBe(100);
        Next(cursor).ShouldBe(102);
        Next(cursor).ShouldBeNull();
        Append(103, B);
        Next(cursor).ShouldBeNull();
        Append(104, A);
        Next(cursor).ShouldBe(104);
    }

    [Fact]
    public void An_event_counts_as_delivered_when_the_next_one_is_asked_for()
    {
        var cursor = Open(A, null);
        Append(100, A, A, B);
        _window.DeliveredUpTo.ShouldBe(100);
        Next(cursor).ShouldBe(100);
        _window.DeliveredUpTo.ShouldBe(100);
        Next(cursor).ShouldBe(101);
        _window.DeliveredUpTo.ShouldBe(101);
        Next(cursor).ShouldBeNull();
        _window.DeliveredUpTo.ShouldBe(103);
    }

    [Fact]
    public void A_batch_counts_as_delivered_when_the_next_one_is_begun()
    {
        var cursor = _window.Open(A, null, batchSize: 2, DeliveryFailurePolicy.Retry);
        Append(100, A, A, A);
        Next(cursor).ShouldBe(100);
        Next(cursor).ShouldBe(101);
        _window.DeliveredUpTo.ShouldBe(100);
        Next(cursor).ShouldBe(102);
        _window.DeliveredUpTo.ShouldBe(102);
        Next(cursor).ShouldBeNull();
        _window.DeliveredUpTo.ShouldBe(102, "the batch of one is on its way");
        Next(cursor).ShouldBeNull();
        _window.DeliveredUpTo.ShouldBe(103);
    }

    [Fact]
    public void A_failed_event_is_passed_over_where_that_is_asked_for()
    {
        var cursor = _window.Open(A, null, batchSize: 1, DeliveryFailurePolicy.Skip);
        Append(100, A, A);
        Next(cursor).ShouldBe(100);
        cursor.RecordDeliveryFailure();
        _window.TakeGivenUp(A, 100).ShouldBeTrue();
        _window.TakeGivenUp(A, 100).ShouldBeFalse("it is told once");
        Next(cursor).ShouldBe(101);
    }

    [Theory]
    [InlineData(DeliveryFailurePolicy.Retry)]
    [InlineData(DeliveryFailurePolicy.Skip)]
    public void A_failed_batch_is_taken_again_event_by_event(DeliveryFailurePolicy policy)
    {
        var cursor = _window.Open(A, null, batchSize: 3, policy);
        Append(100, A, A, A, A, A);
        NextBatch(cursor, 3).ShouldBe([100, 101, 102]);
        cursor.RecordDeliveryFailure();
        _window.TakeGivenUp(A, 100).ShouldBeFalse("which of them is at fault is not known");
        _window.DeliveredUpTo.ShouldBe(100);
        NextBatch(cursor, 3).ShouldBe([100]);
        NextBatch(cursor, 3).ShouldBe([101]);
        cursor.RecordDeliveryFailure();
        if (policy == DeliveryFailurePolicy.Retry)
            NextBatch(cursor, 3).ShouldBe([101]);
        else
            _window.TakeGivenUp(A, 101).ShouldBeTrue();
        NextBatch(cursor, 3).ShouldBe([102]);
        _window.DeliveredUpTo.ShouldBe(102);
        NextBatch(cursor, 3).ShouldBe([103, 104], "behind the failed batch there are batches again");
    }

    [Fact]
    public void What_a_consumer_has_already_is_no_part_of_its_first_batch()
    {
        Append(100, A, A, A, A, A);
        var cursor = _window.Open(A, Token(100), batchSize: 3, DeliveryFailurePolicy.Retry);

        // So an agent passes over the event of which the consumer says that it was its last.
        cursor.MoveNext().ShouldBeTrue();
        NextBatch(cursor, 3).ShouldBe([101, 102, 103]);
        _window.DeliveredUpTo.ShouldBe(101, "the whole batch is on its way");
        NextBatch(cursor, 3).ShouldBe([104]);
        _window.DeliveredUpTo.ShouldBe(104);
    }

    [Fact]
    public void What_a_consumer_asks_for_by_a_token_of_its_own_is_in_its_first_batch()
    {
        Append(100, A, A, A, A, A);
        var cursor = _window.Open(A, LogLife.TokenOf(101, mark: 0), batchSize: 3, DeliveryFailurePolicy.Retry);

        // An agent passes over it all the same: it takes every token for that of an event that the consumer has.
        cursor.MoveNext().ShouldBeTrue();
        NextBatch(cursor, 3).ShouldBe([101, 102, 103]);
        _window.DeliveredUpTo.ShouldBe(101);
        NextBatch(cursor, 3).ShouldBe([104]);
    }

    [Fact]
    public void When_the_log_begins_anew_everybody_reads_it_from_there()
    {
        var busy = Open(A, null);
        var quiet = Open(B, null);
        Append(100, A, B, A);
        Next(busy).ShouldBe(100);
        var behind = Open(A, 10);
        Next(behind).ShouldBeNull();
        _window.Restart(5, Life + 1);
        _window.DeliveredUpTo.ShouldBe(5);
        _window.AddLoaded(_requested[0], Page(10, A)).ShouldBeEmpty("it is of the old log");

        // The event of the old log that is on its way fails.
        busy.RecordDeliveryFailure();
        _window.TakeGivenUp(A, 100).ShouldBeFalse();
        Append(5, A, B);
        Next(busy).ShouldBe(5);
        Next(quiet).ShouldBe(6);
        Next(behind).ShouldBe(5);
    }

    [Fact]
    public void A_token_of_another_life_of_the_log_says_nothing_about_this_one()
    {
        _window.Restart(5, Life + 1);
        Append(5, A, A, A);
        Next(Open(A, 6)).ShouldBe(5);
        Next(_window.Open(A, LogLife.TokenOf(6, Life + 1), 1, DeliveryFailurePolicy.Retry)).ShouldBe(6);
        Next(_window.Open(A, new EventSequenceTokenV2(7), 1, DeliveryFailurePolicy.Retry)).ShouldBe(7, "a consumer's own choice");
    }

    [Fact]
    public void Who_has_read_everything_is_done_with_what_retention_took_of_the_rest()
    {
        var cursor = Open(A, null);
        Append(100, A);
        Next(cursor).ShouldBe(100);
        Next(cursor).ShouldBeNull();
        _window.SkipTo(200);
        _window.DeliveredUpTo.ShouldBe(200);
        Append(200, A);
        Next(cursor).ShouldBe(200);
    }

    [Fact]
    public void Who_reads_nothing_of_it_holds_up_nobody()
    {
        var quiet = Open(B, null);
        var cursor = Open(A, null);
        for (var offset = 100; offset < 110; offset++)
        {
            Append(offset, A);
            Next(cursor).ShouldBe(offset);
            Next(cursor).ShouldBeNull();
        }
        _window.DeliveredUpTo.ShouldBe(110);
        Next(quiet).ShouldBeNull();
    }

    [Fact]
    public void What_is_no_longer_in_memory_is_loaded_once_for_all_who_wait()
    {
        for (var offset = 100; offset < 110; offset++)
            Append(offset, A);
        var first = Open(A, 100);
        var second = Open(A, 100);
        Next(first).ShouldBeNull();
        Next(second).ShouldBeNull();
        var request = _requested.ShouldHaveSingleItem();
        request.Offset.ShouldBe(100);
        _window.DeliveredUpTo.ShouldBe(100);
        _window.AddLoaded(request, Page(100, A, A, A)).ShouldBe([A]);
        Next(first).ShouldBe(100);
        Next(second).ShouldBe(100);
        Next(first).ShouldBe(101);
        Next(first).ShouldBe(102);
    }

    [Fact]
    public void A_rewound_reader_starts_behind_what_retention_took()
    {
        Append(100, A);
        var cursor = Open(A, 10);
        Next(cursor).ShouldBeNull();
        _window.AddLoaded(_requested[0], new LogPage(10, 100, [], 0));
        Next(cursor).ShouldBe(100);
    }

    [Fact]
    public void Pressure_is_what_the_foremost_reader_has_not_read()
    {
        var slow = Open(A, null);
        var quick = Open(B, null);
        for (var offset = 100; offset < 103; offset++)
            Append(offset, A);
        _window.IsUnderPressure.ShouldBeFalse("one reader waits for news");
        quick.Dispose();
        _window.IsUnderPressure.ShouldBeTrue();
        while (Next(slow) is not null)
            slow.Position.ShouldBeLessThanOrEqualTo(103);
        _window.IsUnderPressure.ShouldBeFalse();
    }

    private static long? Next(LogCursor cursor) =>
        cursor.MoveNext() ? cursor.GetCurrent(out _)!.SequenceToken.SequenceNumber : null;

    /// <summary>As the agent does: asks until it has a full batch, or there is no more.</summary>
    private static List<long> NextBatch(LogCursor cursor, int size)
    {
        var offsets = new List<long>();
        while (offsets.Count < size && Next(cursor) is { } offset)
            offsets.Add(offset);
        return offsets;
    }

    private static StreamSequenceToken Token(long offset) => LogLife.TokenOf(offset, Life);

    private LogCursor Open(StreamId stream, long? offset) =>
        _window.Open(stream, offset is { } at ? Token(at) : null, batchSize: 1, DeliveryFailurePolicy.Retry);

    private void Append(long from, params StreamId[] streams) => _window.Append(Page(from, streams));

    /// <summary>Ten bytes an event.</summary>
    private static LogPage Page(long from, params StreamId[] streams) => new(
        from,
        from + streams.Length,
        [.. streams.Select((stream, index) => new StreamRecord(
            stream, "provider", from + index, Life, default, default, new NoServices()))],
        10 * streams.Length);

    private sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}
