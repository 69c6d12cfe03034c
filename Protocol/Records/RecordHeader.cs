namespace Loire.Protocol.Records;

/// <summary>A name and a value that travel with a record. Names may repeat, order counts.</summary>
/// <param name="Value">Null where the header has no value.</param>
public readonly record struct RecordHeader(string Name, ReadOnlyMemory<byte>? Value);
