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
}
