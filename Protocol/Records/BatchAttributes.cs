namespace Loire.Protocol.Records;

/// <summary>Attribute bits of a record batch; bits 0 to 2 hold a <see cref="CompressionCodec"/>.</summary>
[Flags]
public enum BatchAttributes : short
{
    None = 0,
    CodecMask = 0x07,
    LogAppendTime = 0x08,
    Transactional = 0x10,
    Control = 0x20,
    DeleteHorizon = 0x40,
}

/// <summary>The codec of a batch's records, as its attributes' lowest three bits say.</summary>
public enum CompressionCodec : byte
{
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}
