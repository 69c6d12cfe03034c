using System.Buffers;
using Loire.Protocol;
using Loire.Protocol.Wire;

namespace Loire.Broker.Handlers;

/// <summary>Serves one API. The list of handlers given to the dispatcher is what the broker supports; ApiVersions
/// derives from it.</summary>
public interface IRequestHandler
{
    ApiKey ApiKey { get; }
    short LowestVersion { get; }
    short HighestVersion { get; }

    /// <summary>What ApiVersions says where it differs from what is served.</summary>
    short AdvertisedLowestVersion => LowestVersion;

    /// <summary>Its requests may follow each other on a connection before they are answered.</summary>
    bool IsPipelined => false;

    /// <summary>The largest frame of its requests.</summary>
    int FrameBytesMax => RequestLimits.FrameBytesMax;

    /// <summary>Decodes the body and serves it. The outer task completes when the next request of the connection may be
    /// dispatched as far as this handler is concerned, the inner one with the answer, null where none is sent.</summary>
    /// <exception cref="WireFormatException">The body is not a request of this API and version.</exception>
    ValueTask<Task<IMessage?>> ServeAsync(RequestContext context, in ReadOnlySequence<byte> body);
}

/// <summary>Serves one API whose requests a connection handles one at a time: the next request of the connection is
/// read when this one is answered.</summary>
public abstract class RequestHandler<TRequest, TResponse> : IRequestHandler
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    public ApiKey ApiKey => TRequest.Info.ApiKey!.Value;
    public virtual short LowestVersion => TRequest.Info.LowestVersion;
    public virtual short HighestVersion => TRequest.Info.HighestVersion;

    /// <param name="request">Its byte fields are slices of the connection's input, valid until the task completes.</param>
    public abstract ValueTask<TResponse> HandleAsync(RequestContext context, TRequest request);

    ValueTask<Task<IMessage?>> IRequestHandler.ServeAsync(RequestContext context, in ReadOnlySequence<byte> body)
    {
        var reader = new WireReader(body, RequestLimits.ElementsMax);
        return new(WidenAsync(HandleAsync(context, TRequest.Read(ref reader, context.ApiVersion))));
    }

    private static async Task<IMessage?> WidenAsync(ValueTask<TResponse> answer) => await answer;
}
