using Loire.Client;
using Shouldly;
using Xunit;

namespace Loire.Tests.Cluster.Streams;

public sealed class LogWindowTests
{
    private static readonly StreamId A = StreamId.Create("topic", "a");
    private static readonly StreamId B = StreamId.Create("topic", "b");

    private readonly List<long> _requested = [];
    private readonly LogWindow _window;

    public LogWindowTests()
    {
        _window = new LogWindow(sizeBytesMax: 30, _requested.Add);
        _window.StartAt(100);
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
        cursor.RecordDeliveryFailure();
        Next(cursor).ShouldBe(100);
        Next(cursor).ShouldBe(101);
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
        Next(cursor).ShouldBe(101);
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
        _requested.ShouldBe([100]);
        _window.DeliveredUpTo.ShouldBe(100);
        _window.AddLoaded(100, Page(100, A, A, A)).ShouldBe([A]);
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
        _window.AddLoaded(10, new LogPage(10, 100, [], 0));
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

    private LogCursor Open(StreamId stream, long? offset) =>
        _window.Open(stream, offset, batchSize: 1, DeliveryFailurePolicy.Retry);

    private void Append(long from, params StreamId[] streams) => _window.Append(Page(from, streams));

    /// <summary>Ten bytes an event.</summary>
    private static LogPage Page(long from, params StreamId[] streams) => new(
        from,
        from + streams.Length,
        [.. streams.Select((stream, index) => new StreamRecord(
            stream, "provider", from + index, default, default, new NoServices()))],
        10 * streams.Length);

    private sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}
