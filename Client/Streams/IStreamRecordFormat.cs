using Orleans.Serialization;

namespace Loire.Client;

/// <summary>How an event becomes a record's value and back. Register one of your own, keyed by the provider's name or for
/// all of them, to exchange events with other Kafka clients.</summary>
public interface IStreamRecordFormat
{
    ReadOnlyMemory<byte>? Write<T>(T item);

    /// <exception cref="Exception">The value is no such event: the delivery fails, and the provider's policy applies.</exception>
    T Read<T>(ReadOnlyMemory<byte> value);
}

/// <summary>Orleans' own serialization, with the event's type.</summary>
internal sealed class OrleansRecordFormat(Serializer serializer) : IStreamRecordFormat
{
    public ReadOnlyMemory<byte>? Write<T>(T item) => serializer.SerializeToArray<object>(item!);

    public T Read<T>(ReadOnlyMemory<byte> value) => (T)serializer.Deserialize<object>(value)!;
}
