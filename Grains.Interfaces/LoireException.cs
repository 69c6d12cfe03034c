namespace Loire.Grains.Interfaces;

/// <summary>A request was refused.</summary>
[GenerateSerializer, Alias("Loire.LoireException")]
public sealed class LoireException : Exception
{
    /// <param name="error">Kafka's error code.</param>
    public LoireException(short error, string message)
        : base(message) => Error = error;

    /// <summary>Kafka's error code, for example 3 for UNKNOWN_TOPIC_OR_PARTITION.</summary>
    [Id(0)]
    public short Error { get; }
}
