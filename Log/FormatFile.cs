using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Loire.Broker.Ports;

namespace Loire.Log;

/// <summary>The text file that says what a journal directory is: the first file written there, so that a directory without
/// it is not ours.</summary>
/// <param name="WindowBytes">See <see cref="JournalGeometry.WindowBytes"/>.</param>
internal sealed record FormatFile(ulong Seed, int SegmentBytes, long WindowBytes)
{
    private const int CurrentVersion = 1;
    private const string FirstLine = "loire journal, format ";

    public static string PathIn(string directory) => Path.Combine(directory, "format");

    public static FormatFile CreateNew(int segmentBytes, long windowBytes)
    {
        Span<byte> seed = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(seed);
        return new FormatFile(BitConverter.ToUInt64(seed), segmentBytes, windowBytes);
    }

    /// <returns>Null where the directory is empty.</returns>
    /// <exception cref="LogStoreException">Something else than a journal is there, or one of a newer format.</exception>
    public static FormatFile? TryRead(string directory)
    {
        string path = PathIn(directory);
        if (!File.Exists(path))
        {
            return Directory.EnumerateFileSystemEntries(directory)
                .All(entry => entry.EndsWith(DurableFile.AsideExtension, StringComparison.Ordinal))
                ? null
                : throw new LogStoreException(
                    $"{directory} holds files but no file 'format': it is not a Loire journal. Name another data directory.");
        }
        string[] lines = File.ReadAllLines(path);
        if (lines.Length == 0
            || !lines[0].StartsWith(FirstLine, StringComparison.Ordinal)
            || !int.TryParse(lines[0].AsSpan(FirstLine.Length), CultureInfo.InvariantCulture, out int version))
        {
            throw new LogStoreException($"{path} does not describe a Loire journal. Name another data directory.");
        }
        if (version > CurrentVersion)
        {
            throw LogStoreException.OfNewerFormat(
                $"{directory} has format {version}, written by a newer release; this one reads up to {CurrentVersion}.");
        }
        var values = lines.Skip(1)
            .Select(line => line.Split('=', 2))
            .Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        if (values.TryGetValue("seed", out var seed)
            && ulong.TryParse(seed, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong seedValue)
            && values.TryGetValue("segment-bytes", out var segment)
            && int.TryParse(segment, CultureInfo.InvariantCulture, out int segmentBytes)
            && int.IsPow2(segmentBytes)
            && values.TryGetValue("window-bytes", out var window)
            && long.TryParse(window, CultureInfo.InvariantCulture, out long windowBytes))
        {
            return new FormatFile(seedValue, segmentBytes, windowBytes);
        }
        throw new LogStoreException($"{path} is damaged: seed, segment-bytes or window-bytes is missing or no number.");
    }

    public void Write(string directory)
    {
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{FirstLine}{CurrentVersion}\nseed={Seed:x16}\nsegment-bytes={SegmentBytes}\nwindow-bytes={WindowBytes}\n");
        DurableFile.Write(PathIn(directory), Encoding.ASCII.GetBytes(text));
    }
}
