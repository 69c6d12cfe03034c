using System.Buffers;
using Loire.Protocol.Records;

namespace Loire.Protocol.Wire;

/// <summary>An output that copies sources of records itself, one after the other as there is room for them, instead of
/// all at once while the message is written.</summary>
public interface IRecordsOutput : IBufferWriter<byte>
{
    /// <summary>The source's bytes come here, between what was advanced before and what is advanced after.</summary>
    void WriteRecords(IRecordsSource source);
}
