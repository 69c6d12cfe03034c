using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Loire.Broker.Ports;
using Loire.Log;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Loire.Embedded.Engine;

/// <summary>Where the catalog's changes become durable.</summary>
internal interface ICatalogLog : IDisposable
{
    /// <summary>Returns when all of <paramref name="changes"/> are synced.</summary>
    /// <param name="after">The state with them.</param>
    /// <exception cref="IOException">They are not; where <see cref="Failure"/> is null nothing was written, and the next
    /// changes may be.</exception>
    void Append(IReadOnlyCollection<CatalogChange> changes, CatalogState after);

    /// <summary>Why no change can be written any more; null while they can.</summary>
    Exception? Failure { get; }
}

/// <summary>The file catalog.log: a head, then one line for each change, only ever appended to. When most lines no longer
/// matter it is written anew beside itself and renamed.</summary>
internal sealed partial class CatalogFile : ICatalogLog
{
    public const string FileName = "catalog.log";

    /// <summary>Smaller files are not worth writing anew.</summary>
    private const int RewriteFromLines = 1_000;

    private readonly string _path;
    private readonly ILogger _logger;
    private SafeFileHandle _file;
    private long _lengthBytes;
    private int _lines;

    private CatalogFile(string path, ILogger logger, SafeFileHandle file, int lines)
    {
        _path = path;
        _logger = logger;
        _file = file;
        _lengthBytes = RandomAccess.GetLength(file);
        _lines = lines;
    }

    public Exception? Failure { get; private set; }

    /// <summary>Gives a new directory a catalog without topics. An earlier one without topics may stand there: it is left
    /// from a start that went no further.</summary>
    /// <exception cref="DataDirectoryException">There is a catalog with topics.</exception>
    public static void Create(string directory)
    {
        var path = Path.Combine(directory, FileName);
        var head = Serialize([], withHead: true).WrittenSpan;
        if (File.Exists(path) && !File.ReadAllBytes(path).AsSpan().SequenceEqual(head))
        {
            throw new DataDirectoryException(
                $"{path} exists, but {DirectoryIdentity.FileName} beside it is missing: restore that from a backup, "
                + "or name another data directory.");
        }

        DurableFile.Write(path, head);
    }

    /// <param name="empty">The state before the first line.</param>
    /// <exception cref="DataDirectoryException">The file is missing, a line is damaged, or the format is newer than this
    /// program.</exception>
    public static (CatalogFile File, CatalogState State) Open(string directory, CatalogState empty, ILogger logger)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            throw new DataDirectoryException($"{path} is missing, and with it all topics. Restore it from a backup.");

        var bytes = File.ReadAllBytes(path);
        var wholeLines = bytes.AsSpan().TrimEnd((byte)0).LastIndexOf((byte)'\n') + 1;
        var (state, lines) = Replay(path, bytes.AsSpan(0, wholeLines), empty);
        var file = OpenHandle(path);
        if (wholeLines < bytes.Length)
        {
            LogTornLine(logger, path, lines + 1, bytes.Length - wholeLines);
            RandomAccess.SetLength(file, wholeLines);
            RandomAccess.FlushToDisk(file);
        }

        return (new CatalogFile(path, logger, file, lines), state);
    }

    public void Append(IReadOnlyCollection<CatalogChange> changes, CatalogState after)
    {
        if (Failure is not null)
            throw new IOException($"{_path} takes no more changes since an earlier failure.", Failure);
        var lines = Serialize(changes, withHead: false);
        try
        {
            RandomAccess.Write(_file, lines.WrittenSpan, _lengthBytes);
        }
        catch (IOException failure)
        {
            TakeBack(failure);
            throw;
        }

        try
        {
            RandomAccess.FlushToDisk(_file);
        }
        catch (IOException failure)
        {
            // The kernel may have dropped the pages: a second sync would claim what is not so.
            Failure = failure;
            throw;
        }

        _lengthBytes += lines.WrittenCount;
        _lines += changes.Count;
        if (_lines > RewriteFromLines && _lines > 4 * after.LineCount)
            Rewrite(after);
    }

    public void Dispose() => _file.Dispose();

    private static (CatalogState State, int Lines) Replay(string path, ReadOnlySpan<byte> text, CatalogState state)
    {
        var lines = 0;
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (range.Start.Value == text.Length)
                break;
            lines++;
            if (!CatalogLine.TryRead(line, out var json))
                throw Damaged(path, lines, "its checksum does not agree");
            try
            {
                if (lines == 1)
                    CheckHead(path, Parse(json, CatalogJson.Default.CatalogHead));
                else
                    state = state.Apply(Parse(json, CatalogJson.Default.CatalogChange));
            }
            catch (Exception fault) when (fault is JsonException or KafkaException)
            {
                throw Damaged(path, lines, fault.Message, fault);
            }
        }

        return lines > 0 ? (state, lines) : throw Damaged(path, 1, "the head is missing");
    }

    private static T Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
        where T : class => JsonSerializer.Deserialize(json, type) ?? throw new JsonException("It says nothing.");

    private static void CheckHead(string path, CatalogHead head)
    {
        if (head.Format != CatalogHead.CurrentFormat)
        {
            throw new DataDirectoryException(
                $"{path} has format {head.Format}, this program knows format {CatalogHead.CurrentFormat}: "
                + "start the version that wrote it, or a newer one.");
        }
    }

    private static DataDirectoryException Damaged(string path, int line, string fault, Exception? inner = null) =>
        new(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{path} line {line} is damaged: {fault}. Restore the file from a backup, or take the line out to lose that change."),
            inner!);

    private static ArrayBufferWriter<byte> Serialize(IEnumerable<CatalogChange> changes, bool withHead)
    {
        var output = new ArrayBufferWriter<byte>(4_096);
        if (withHead)
            CatalogLine.Write(output, new CatalogHead(CatalogHead.CurrentFormat), CatalogJson.Default.CatalogHead);
        foreach (var change in changes)
            CatalogLine.Write(output, change, CatalogJson.Default.CatalogChange);
        return output;
    }

    private static SafeFileHandle OpenHandle(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);

    private void TakeBack(IOException failure)
    {
        try
        {
            RandomAccess.SetLength(_file, _lengthBytes);
        }
        catch (IOException)
        {
            Failure = failure;
        }
    }

    private void Rewrite(CatalogState state)
    {
        try
        {
            DurableFile.Write(_path, Serialize(state.ToChanges(), withHead: true).WrittenSpan);
            var file = OpenHandle(_path);
            _file.Dispose();
            _file = file;
            _lengthBytes = RandomAccess.GetLength(file);
            LogRewritten(_logger, _path, _lines, state.LineCount + 1);
            _lines = state.LineCount + 1;
        }
        catch (IOException failure)
        {
            // The changes themselves are durable. Whether the name already stands for the new file is unknown, though.
            Failure = failure;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Path}: line {Line} was torn by a crash before it was acknowledged; dropped {Bytes} bytes")]
    private static partial void LogTornLine(ILogger logger, string path, int line, int bytes);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Path}: {Before} lines written anew as {After}")]
    private static partial void LogRewritten(ILogger logger, string path, int before, int after);
}
