using System.Text;
using Loire.Broker.Ports;
using Loire.Protocol;
using Loire.Protocol.Hashing;

namespace Loire.Log;

/// <summary>What recovery starts from: every partition as it was at an address of the journal. The segments' index files
/// tell the batches below that address.</summary>
/// <param name="Until">Replay starts here.</param>
/// <param name="NextSequence">The number of the entry that comes there.</param>
/// <param name="FirstSegment">The oldest segment that was kept then.</param>
/// <param name="NextHandle">The handle the next partition gets.</param>
internal sealed record Checkpoint(
    long Until, long NextSequence, int FirstSegment, int NextHandle, IReadOnlyCollection<PartitionState> Partitions)
{
    private const ulong Magic = 0x5450434552494F4C; // "LOIRECPT"
    private const int CurrentVersion = 1;

    public static readonly Checkpoint Empty = new(JournalGeometry.FirstAddress, 0, 0, 0, []);

    public static string PathIn(string directory) => Path.Combine(directory, "checkpoint");

    /// <returns>Null where there is none.</returns>
    /// <exception cref="LogStoreException">It is damaged, or of a newer version.</exception>
    public static Checkpoint? TryRead(string directory)
    {
        string path = PathIn(directory);
        if (!File.Exists(path))
            return null;
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.Length < sizeof(uint)
            || BitConverter.ToUInt32(bytes, bytes.Length - sizeof(uint))
                != Crc32C.Compute(bytes.AsSpan(0, bytes.Length - sizeof(uint))))
        {
            throw new LogStoreException(
                $"{path} is damaged: its checksum does not fit. 'loire log repair' rebuilds it from the journal.");
        }
        using var reader = new BinaryReader(new MemoryStream(bytes));
        if (reader.ReadUInt64() != Magic)
            throw new LogStoreException($"{path} is not a checkpoint. 'loire log repair' rebuilds it from the journal.");
        int version = reader.ReadInt32();
        if (version > CurrentVersion)
        {
            throw LogStoreException.OfNewerFormat(
                $"{path} has version {version}, written by a newer release; this one reads up to {CurrentVersion}.");
        }
        return Read(reader);
    }

    public void Write(string directory)
    {
        var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Magic);
        writer.Write(CurrentVersion);
        writer.Write(Until);
        writer.Write(NextSequence);
        writer.Write(FirstSegment);
        writer.Write(NextHandle);
        writer.Write(Partitions.Count);
        foreach (var partition in Partitions)
            Write(writer, partition);
        writer.Write(Crc32C.Compute(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        DurableFile.Write(PathIn(directory), stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    private static Checkpoint Read(BinaryReader reader)
    {
        long until = reader.ReadInt64();
        long nextSequence = reader.ReadInt64();
        int firstSegment = reader.ReadInt32();
        int nextHandle = reader.ReadInt32();
        var partitions = new PartitionState[reader.ReadInt32()];
        for (int i = 0; i < partitions.Length; i++)
            partitions[i] = ReadPartition(reader);
        return new Checkpoint(until, nextSequence, firstSegment, nextHandle, partitions);
    }

    private static void Write(BinaryWriter writer, PartitionState state)
    {
        writer.Write(state.Handle);
        writer.Write(PartitionName.Encode(state.Partition));
        writer.Write(state.LogStart);
        writer.Write(state.LogEnd);
        writer.Write(state.Truncations);
        writer.Write(state.Snapshot.Truncations);
        writer.Write(state.Snapshot.EndOffset);
        writer.Write(state.Snapshot.ReplayFrom);
        writer.Write(state.Snapshot.Bytes.Length);
        writer.Write(state.Snapshot.Bytes.Span);
    }

    private static PartitionState ReadPartition(BinaryReader reader)
    {
        int handle = reader.ReadInt32();
        var partition = PartitionName.Decode(reader);
        return new PartitionState(
            handle,
            partition,
            reader.ReadInt64(),
            reader.ReadInt64(),
            reader.ReadInt32(),
            new ObserverSnapshot(
                reader.ReadInt32(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadBytes(reader.ReadInt32())));
    }
}

/// <summary>A partition's identity as checkpoints and journal entries write it: topic id, partition index, the name's
/// length and the name.</summary>
internal static class PartitionName
{
    private const int FixedBytes = 16 + sizeof(int) + sizeof(int);

    public static byte[] Encode(TopicIdPartition partition)
    {
        byte[] name = Encoding.UTF8.GetBytes(partition.Topic.Value);
        byte[] bytes = new byte[FixedBytes + name.Length];
        partition.TopicId.Value.TryWriteBytes(bytes);
        BitConverter.TryWriteBytes(bytes.AsSpan(16), partition.Partition.Value);
        BitConverter.TryWriteBytes(bytes.AsSpan(20), name.Length);
        name.CopyTo(bytes, FixedBytes);
        return bytes;
    }

    public static TopicIdPartition Decode(BinaryReader reader)
    {
        var id = new TopicId(new Guid(reader.ReadBytes(16)));
        var index = new PartitionIndex(reader.ReadInt32());
        string name = Encoding.UTF8.GetString(reader.ReadBytes(reader.ReadInt32()));
        return new TopicIdPartition(id, new TopicName(name), index);
    }
}
