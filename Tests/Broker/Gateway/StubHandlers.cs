using System.Collections.Concurrent;
using Loire.Broker.Handlers;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Tests.Broker.Gateway;

/// <summary>Heartbeat as a handler that does what the test says; echoes the correlation id as throttle time.</summary>
internal sealed class StubHeartbeat : RequestHandler<HeartbeatRequest, HeartbeatResponse>
{
    public Func<RequestContext, HeartbeatRequest, ValueTask<HeartbeatResponse>> Respond { get; set; } =
        (context, _) => new(new HeartbeatResponse { ThrottleTimeMs = context.CorrelationId });

    public override ValueTask<HeartbeatResponse> HandleAsync(RequestContext context, HeartbeatRequest request) =>
        Respond(context, request);
}

/// <summary>Produce as a handler whose first stage is done at once, and whose answers the test gives.</summary>
internal sealed class StubProduce : PipelinedHandler<ProduceRequest, ProduceResponse>
{
    private readonly ConcurrentDictionary<int, TaskCompletionSource<ProduceResponse?>> _answers = [];

    public ConcurrentQueue<int> Dispatched { get; } = [];

    /// <summary>What a request waits for before its first stage is done.</summary>
    public Func<int, Task> FirstStage { get; set; } = _ => Task.CompletedTask;

    public override short LowestVersion => 3;
    public override short AdvertisedLowestVersion => 0;

    public override async ValueTask<Task<ProduceResponse?>> DispatchAsync(RequestContext context, ProduceRequest request)
    {
        Dispatched.Enqueue(context.CorrelationId);
        await FirstStage(context.CorrelationId);
        return request.Acks == 0 ? Task.FromResult<ProduceResponse?>(null) : Slot(context.CorrelationId).Task;
    }

    public void Answer(int correlationId) => Slot(correlationId).SetResult(new ProduceResponse());

    private TaskCompletionSource<ProduceResponse?> Slot(int correlationId) =>
        _answers.GetOrAdd(correlationId, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}

/// <summary>Fetch as a handler that answers with the sources the test gives.</summary>
internal sealed class StubFetch : RequestHandler<FetchRequest, FetchResponse>
{
    public Func<RequestContext, IEnumerable<Loire.Protocol.Records.IRecordsSource>> Sources { get; set; } = _ => [];

    /// <summary>What a request waits for before it is answered. It must not block: a connection is served on the thread that
    /// receives, and nobody else would find out that the client is gone.</summary>
    public Func<RequestContext, Task> Before { get; set; } = _ => Task.CompletedTask;

    public override async ValueTask<FetchResponse> HandleAsync(RequestContext context, FetchRequest request)
    {
        await Before(context);
        var partitions = Sources(context).Select((source, index) => new FetchResponse.PartitionData
        {
            PartitionIndex = new PartitionIndex(index),
            Records = new(source),
        });
        return new FetchResponse
        {
            Responses = [new FetchResponse.FetchableTopicResponse { Topic = new("topic"), Partitions = [.. partitions] }],
        };
    }
}
