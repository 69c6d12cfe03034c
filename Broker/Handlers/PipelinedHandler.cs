using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Wire;

namespace Loire.Broker.Handlers;

/// <summary>Serves an API whose requests overlap on one connection (Produce): the next one is dispatched as soon as
/// this one's effects are ordered, so that requests in flight share a group commit. Answers still leave in order.</summary>
public abstract class PipelinedHandler<TRequest, TResponse> : IRequestHandler
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public ApiKey ApiKey => TRequest.Info.ApiKey!.Value;
    public virtual short LowestVersion => TRequest.Info.LowestVersion;
    public virtual short HighestVersion => TRequest.Info.HighestVersion;
    public virtual short AdvertisedLowestVersion => LowestVersion;
    public bool IsPipelined => true;
    public int FrameBytesMax => int.MaxValue;

    /// <summary>The outer task completes when everything is appended and the request's memory is no longer needed; the
    /// inner one when the answer is known. A null answer is not sent (acks=0).</summary>
    public abstract ValueTask<Task<TResponse?>> DispatchAsync(RequestContext context, TRequest request);

    ValueTask<Task<IMessage?>> IRequestHandler.ServeAsync(RequestContext context, in ReadOnlySequence<byte> body)
    {
        var reader = new WireReader(body, RequestLimits.ElementsMax);
        return WidenAsync(DispatchAsync(context, TRequest.Read(ref reader, context.ApiVersion)));
    }

    private static async ValueTask<Task<IMessage?>> WidenAsync(ValueTask<Task<TResponse?>> dispatch) =>
        WidenAsync(await dispatch);

    private static async Task<IMessage?> WidenAsync(Task<TResponse?> answer) => await answer;
}
