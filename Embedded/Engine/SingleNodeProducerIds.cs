using System.Globalization;
using System.Text;
using Loire.Broker.Ports;
using Loire.Log;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>Producer ids in blocks of 1,000. A block is reserved in a file, synced, before its first id is handed out, so
/// an id is never given twice, whenever the process or the machine dies. A start leaves the rest of the last block
/// unused.</summary>
public sealed class SingleNodeProducerIds : IProducerIds
{
    public const string FileName = "producer-ids";
    private const int BlockSize = 1_000;
    private const string Format = "format 1";
    private const string NextKey = "next ";

    private readonly Lock _lock = new();
    private readonly string _path;
    private long _next;
    private long _reservedEnd;

    private SingleNodeProducerIds(string path, long reservedEnd)
    {
        _path = path;
        _next = _reservedEnd = reservedEnd;
    }

    /// <exception cref="DataDirectoryException">The file is damaged or of a newer format.</exception>
    public static SingleNodeProducerIds Open(string dataDirectory)
    {
        var path = Path.Combine(dataDirectory, FileName);
        return new SingleNodeProducerIds(path, File.Exists(path) ? Read(path) : 0);
    }

    /// <exception cref="KafkaException">KAFKA_STORAGE_ERROR: no further ids can be reserved.</exception>
    public ValueTask<ProducerId> NextAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_next == _reservedEnd) Reserve();
            return ValueTask.FromResult(new ProducerId(_next++));
        }
    }

    private void Reserve()
    {
        var end = _reservedEnd + BlockSize;
        try
        {
            var content = string.Create(CultureInfo.InvariantCulture, $"{Format}\n{NextKey}{end}\n");
            DurableFile.Write(_path, Encoding.ASCII.GetBytes(content));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new KafkaException(ErrorCode.KafkaStorageError, $"{_path} cannot be written: {failure.Message}");
        }

        _reservedEnd = end;
    }

    private static long Read(string path)
    {
        var lines = File.ReadAllLines(path);
        if (lines.Length == 2
            && lines[0] == Format
            && lines[1].StartsWith(NextKey, StringComparison.Ordinal)
            && long.TryParse(lines[1].AsSpan(NextKey.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var next))
        {
            return next;
        }

        throw new DataDirectoryException(
            $"{path} does not hold '{Format}' and '{NextKey}NUMBER': it is damaged or of a newer version. "
            + $"Start the version that wrote it, or write '{NextKey}' and a number above every producer id in use into it.");
    }
}
