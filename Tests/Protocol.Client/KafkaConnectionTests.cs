using System.Buffers;
using Loire.Bench.Processes;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;
using Loire.Protocol.Records;
using Loire.Tests.Fakes;
using Shouldly;
using Xunit;

namespace Loire.Tests.Protocol.Client;

public sealed class KafkaConnectionTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answers_find_their_requests_in_any_order()
    {
        await using var broker = new ScriptedBroker();
        var first = new TaskCompletionSource();
        broker.AnswerLater<DeleteGroupsRequest>(async request =>
        {
            var id = request.GroupsNames.Single();
            if (id.Value == "slow")
                await first.Task;
            return new DeleteGroupsResponse { Results = [new() { GroupId = id }] };
        });
        await using var connection = await ConnectAsync(broker, Eventually.Patience);

        var slow = DeleteAsync(connection, "slow");
        var quick = DeleteAsync(connection, "quick");
        (await quick).ShouldBe("quick");
        slow.IsCompleted.ShouldBeFalse();
        first.SetResult();
        (await slow).ShouldBe("slow");
    }

    [Fact]
    public async Task A_broker_that_does_not_answer_is_named()
    {
        await using var broker = new ScriptedBroker();
        broker.Answer<DeleteGroupsRequest>(_ => null);
        var time = new FakeTime();
        await using var connection = await ConnectAsync(broker, Eventually.Patience, time);

        var unanswered = DeleteAsync(connection, "g");
        await LetTimePassAsync(time, unanswered);
        var exception = await Should.ThrowAsync<KafkaClientException>(unanswered);
        exception.IsUnreachable.ShouldBeTrue();
        exception.Message.ShouldContain(broker.Address);
        exception.Message.ShouldContain("DeleteGroups");
        connection.IsOpen.ShouldBeTrue();
    }

    [Fact]
    public async Task A_broker_that_does_not_read_fails_the_connection_and_all_who_write_to_it()
    {
        await using var broker = new ScriptedBroker();
        var time = new FakeTime();
        await using var connection = await ConnectAsync(broker, Eventually.Patience, time);
        broker.Pause();
        var tooMuchForTheSocket = new ProduceRequest.PartitionProduceData
        {
            Records = new RecordsPayload(new ReadOnlySequence<byte>(new byte[64 * 1024 * 1024])),
        };
        var request = new ProduceRequest { Acks = 0, TopicData = [new() { Name = new("t"), PartitionData = [tooMuchForTheSocket] }] };
        var stuck = connection.SendOneWayAsync(request, Cancelled, highestVersion: 9);
        var behind = DeleteAsync(connection, "g");
        await LetTimePassAsync(time, stuck);

        var exception = await Should.ThrowAsync<KafkaClientException>(stuck);
        exception.IsUnreachable.ShouldBeTrue();
        exception.Message.ShouldContain($"{broker.Address} has not taken a request");
        (await Should.ThrowAsync<KafkaClientException>(behind)).IsUnreachable.ShouldBeTrue();
        connection.IsOpen.ShouldBeFalse();
    }

    [Fact]
    public async Task A_lost_connection_fails_all_that_wait()
    {
        var broker = new ScriptedBroker();
        var arrived = new TaskCompletionSource();
        broker.Answer<DeleteGroupsRequest>(_ =>
        {
            arrived.TrySetResult();
            return null;
        });
        await using var connection = await ConnectAsync(broker, Eventually.Patience);
        var waiting = DeleteAsync(connection, "g");
        await arrived.Task;
        await broker.DisposeAsync();

        (await Should.ThrowAsync<KafkaClientException>(waiting)).IsUnreachable.ShouldBeTrue();
        connection.IsOpen.ShouldBeFalse();
        (await Should.ThrowAsync<KafkaClientException>(DeleteAsync(connection, "g"))).IsUnreachable.ShouldBeTrue();
    }

    [Fact]
    public async Task Nobody_at_the_address_is_an_error_that_says_so()
    {
        var port = LoopbackPort.Free();
        var options = new KafkaClientOptions { BootstrapServers = $"127.0.0.1:{port}" };
        var exception = await Should.ThrowAsync<KafkaClientException>(KafkaConnection.ConnectAsync("127.0.0.1", port, options, Cancelled));
        exception.IsUnreachable.ShouldBeTrue();
        exception.Message.ShouldContain($"127.0.0.1:{port}");
    }

    [Fact]
    public async Task The_highest_common_version_is_used()
    {
        await using var broker = new ScriptedBroker();
        broker.Answer<ApiVersionsRequest>(_ => new ApiVersionsResponse
        {
            ApiKeys =
            [
                new() { ApiKey = (short)ApiKey.Metadata, MinVersion = 0, MaxVersion = 7 },
                new() { ApiKey = (short)ApiKey.Fetch, MinVersion = 40, MaxVersion = 50 },
            ],
        });
        await using var connection = await ConnectAsync(broker, Eventually.Patience);

        connection.VersionOf(MetadataRequest.Info).ShouldBe((short)7);
        connection.VersionOf(MetadataRequest.Info, highest: 5).ShouldBe((short)5);
        Should.Throw<KafkaClientException>(() => connection.VersionOf(FetchRequest.Info)).Error.ShouldBe(ErrorCode.UnsupportedVersion);
        Should.Throw<KafkaClientException>(() => connection.VersionOf(ProduceRequest.Info)).Error.ShouldBe(ErrorCode.UnsupportedVersion);
    }

    /// <summary>Until it ends: a call sets its time limit only when it has come so far.</summary>
    private static Task LetTimePassAsync(FakeTime time, Task call) => Eventually.IsTrueAsync(
        () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return call.IsCompleted;
        },
        "the call ends");

    private static Task<KafkaConnection> ConnectAsync(ScriptedBroker broker, TimeSpan timeout, TimeProvider? time = null)
    {
        var options = new KafkaClientOptions
        {
            BootstrapServers = broker.Address,
            RequestTimeout = timeout,
            TimeProvider = time ?? TimeProvider.System,
        };
        return KafkaConnection.ConnectAsync("127.0.0.1", broker.Port, options, Cancelled);
    }

    private static async Task<string> DeleteAsync(KafkaConnection connection, string group)
    {
        var response = await connection.SendAsync<DeleteGroupsRequest, DeleteGroupsResponse>(
            new DeleteGroupsRequest { GroupsNames = [new GroupId(group)] }, Cancelled);
        return response.Results.Single().GroupId.Value;
    }
}
