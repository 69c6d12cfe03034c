using System.Text.Json;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Log;

/// <summary>The file <c>journal/lost</c>: what repairs could not keep, for whoever opens the journal afterwards. A log that ends
/// where the loss began is whole; one that goes on behind it is not, and looks as if it were.</summary>
internal static class LossFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static IReadOnlyList<LogLoss> Read(string journalDirectory)
    {
        string path = PathIn(journalDirectory);
        if (!File.Exists(path))
            return [];
        try
        {
            var lines = JsonSerializer.Deserialize<List<Line>>(File.ReadAllBytes(path)) ?? [];
            return [.. lines.Select(line => line.ToLoss())];
        }
        catch (JsonException damaged)
        {
            throw new LogStoreException(
                $"{path} cannot be read: {damaged.Message} It names the records that a repair could not keep: restore it from a "
                + "backup, or start this broker of a cluster with an empty data directory.",
                damaged);
        }
    }

    /// <summary>Adds to what is there.</summary>
    public static void Add(string journalDirectory, IEnumerable<LogLoss> losses) => DurableFile.Write(
        PathIn(journalDirectory),
        JsonSerializer.SerializeToUtf8Bytes(Read(journalDirectory).Concat(losses).Distinct().Select(Line.Of), Indented));

    private static string PathIn(string journalDirectory) => Path.Combine(journalDirectory, "lost");

    private sealed record Line(Guid TopicId, string Topic, int Partition, long From, long Until)
    {
        public static Line Of(LogLoss loss) => new(
            loss.Partition.TopicId.Value,
            loss.Partition.Topic.Value,
            loss.Partition.Partition.Value,
            loss.From.Value,
            loss.Until.Value);

        public LogLoss ToLoss() => new(
            new TopicIdPartition(new TopicId(TopicId), new TopicName(Topic), new PartitionIndex(Partition)),
            new Offset(From),
            new Offset(Until));
    }
}
