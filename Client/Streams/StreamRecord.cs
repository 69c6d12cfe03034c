using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Streams;

namespace Loire.Client;

/// <summary>A record as the event of a stream. Immutable. It is read where it is delivered.</summary>
[GenerateSerializer, Immutable, Alias("Loire.StreamRecord"), SerializationCallbacks(typeof(OnDeserializedCallbacks))]
internal sealed class StreamRecord : IBatchContainer, IOnDeserialized
{
    public const string RequestContextHeader = "orleans-request-context";

    [Id(0)]
    private readonly StreamId _streamId;
    [Id(1)]
    private readonly string _providerName;
    [Id(2)]
    private readonly long _offset;
    [Id(3)]
    private readonly ReadOnlyMemory<byte> _value;
    [Id(4)]
    private readonly ReadOnlyMemory<byte> _requestContext;
    [Id(5)]
    private readonly int _lifeMark;

    [NonSerialized]
    private IServiceProvider? _services;
    [NonSerialized]
    private readonly ActivityContext _trace;

    public StreamRecord(
        StreamId streamId,
        string providerName,
        long offset,
        int lifeMark,
        ReadOnlyMemory<byte> value,
        ReadOnlyMemory<byte> requestContext,
        IServiceProvider services,
        ActivityContext trace = default)
    {
        _streamId = streamId;
        _providerName = providerName;
        _offset = offset;
        _lifeMark = lifeMark;
        _value = value;
        _requestContext = requestContext;
        _services = services;
        _trace = trace;
    }

    public StreamId StreamId => _streamId;

    public long Offset => _offset;

    /// <summary>In which it was produced; the default where it is not known, or nobody listens. It stays in this silo.</summary>
    public ActivityContext Trace => _trace;

    public StreamSequenceToken SequenceToken => LogLife.TokenOf(_offset, _lifeMark);

    private IServiceProvider Services =>
        _services ?? throw new InvalidOperationException("The event was not deserialized by Orleans.");

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() =>
        [Tuple.Create(StreamRecordFormats.Find(Services, _providerName).Read<T>(_value), SequenceToken)];

    public bool ImportRequestContext()
    {
        if (_requestContext.IsEmpty)
            return false;
        RequestContextExtensions.Import(
            Services.GetRequiredService<Serializer>().Deserialize<Dictionary<string, object>>(_requestContext));
        return true;
    }

    void IOnDeserialized.OnDeserialized(DeserializationContext context) => _services = context.ServiceProvider;
}

internal static class StreamRecordFormats
{
    public static IStreamRecordFormat Find(IServiceProvider services, string providerName) =>
        services.GetKeyedService<IStreamRecordFormat>(providerName) ?? services.GetRequiredService<IStreamRecordFormat>();
}
