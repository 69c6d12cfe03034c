using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Loire.Log;
using Loire.Protocol.Hashing;

namespace Loire.Grains.Storage;

/// <summary>A grain's state in a file: the CRC-32C of all that follows in eight hex digits and a space, then a line
/// <c>loire-state FORMAT VERSION GRAIN</c>, the grain's id with escapes as in a URI, and the payload.</summary>
/// <param name="Payload">Empty where the state was cleared.</param>
internal sealed record StateFile(long Version, ReadOnlyMemory<byte> Payload)
{
    private const string Magic = "loire-state";
    private const string Format = "1";
    private const int ChecksumLength = 9;

    /// <summary>Leaves room for the ending that a file has while it is written.</summary>
    private const int MaxNameLength = 250;

    public string ETag => Version.ToString(CultureInfo.InvariantCulture);

    public static string PathOf(string directory, string stateName, GrainId grain) =>
        Path.Combine(directory, FileNameOf(grain.Type.ToString()!), FileNameOf(stateName), FileNameOf(grain.Key.ToString()!));

    /// <returns>Null where nothing was ever stored.</returns>
    /// <exception cref="StoredStateException">The file is damaged, or another grain's.</exception>
    public static StateFile? Read(string path, GrainId grain)
    {
        if (TryReadAll(path) is not { } bytes) return null;
        if (bytes.Length < ChecksumLength || !bytes.AsSpan(0, ChecksumLength).SequenceEqual(ChecksumOf(bytes.AsSpan(ChecksumLength))))
            throw Damaged(path, "its checksum does not agree");

        var text = bytes.AsMemory(ChecksumLength);
        var end = text.Span.IndexOf((byte)'\n');
        var head = Encoding.UTF8.GetString(text.Span[..Math.Max(0, end)]).Split(' ');
        if (head is not [Magic, var format, var version, var owner]
            || !long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw Damaged(path, "its first line is not that of a state");
        }

        if (format != Format)
        {
            throw new StoredStateException(
                $"{path} has format {format}, this program knows {Format}: start the program that wrote it, or a newer one.");
        }

        if (owner != Escape(grain)) throw Damaged(path, $"it belongs to {owner}");
        return new StateFile(number, text[(end + 1)..]);
    }

    public void Write(string path, GrainId grain)
    {
        var head = Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{Magic} {Format} {Version} {Escape(grain)}\n"));
        byte[] text = [.. head, .. Payload.Span];
        DurableFile.Write(path, ChecksumOf(text), text);
    }

    /// <summary>Only a file that is not there means that there is no state: one that may not be read is an error.</summary>
    private static byte[]? TryReadAll(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static byte[] ChecksumOf(ReadOnlySpan<byte> text) =>
        Encoding.ASCII.GetBytes(Crc32C.Compute(text).ToString("x8", CultureInfo.InvariantCulture) + " ");

    private static string Escape(GrainId grain) => Uri.EscapeDataString(grain.ToString());

    /// <summary>Every name as one that all file systems take; one that would be too long as its hash.</summary>
    private static string FileNameOf(string name)
    {
        var safe = new StringBuilder(name.Length);
        foreach (var octet in Encoding.UTF8.GetBytes(name))
        {
            var isSafe = char.IsAsciiLetterOrDigit((char)octet) || octet is (byte)'_' or (byte)'-' || (octet == '.' && safe.Length > 0);
            if (isSafe) safe.Append((char)octet);
            else safe.Append(CultureInfo.InvariantCulture, $"%{octet:x2}");
        }

        return safe.Length is > 0 and <= MaxNameLength
            ? safe.ToString()
            : "%" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
    }

    private static StoredStateException Damaged(string path, string fault) => new(
        $"{path} is damaged: {fault}. Restore it from a backup; without it, what it says of the cluster is lost.");
}
