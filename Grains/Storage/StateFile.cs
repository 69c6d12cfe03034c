using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Loire.Log;
using Loire.Protocol.Hashing;

namespace Loire.Grains.Storage;

/// <summary>A grain's state in a file: a line of text, <c>loire-state FORMAT VERSION LENGTH CRC GRAIN</c>, then the payload.
/// The checksum is the CRC-32C of the payload.</summary>
/// <param name="Payload">Empty where the state was cleared.</param>
internal sealed record StateFile(long Version, ReadOnlyMemory<byte> Payload)
{
    private const string Magic = "loire-state";
    private const int Format = 1;

    /// <summary>Leaves room for the ending that a file has while it is written.</summary>
    private const int MaxNameLength = 250;

    public string ETag => Version.ToString(CultureInfo.InvariantCulture);

    public static string PathOf(string directory, string stateName, GrainId grain) =>
        Path.Combine(directory, FileNameOf(grain.Type.ToString()!), FileNameOf(stateName), FileNameOf(grain.Key.ToString()!));

    /// <returns>Null where nothing was ever stored.</returns>
    /// <exception cref="StoredStateException">The file is damaged, or another grain's.</exception>
    public static StateFile? Read(string path, GrainId grain)
    {
        if (!File.Exists(path)) return null;
        var bytes = File.ReadAllBytes(path);
        var end = bytes.AsSpan().IndexOf((byte)'\n');
        var head = Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Max(0, end))).Split(' ', 6);
        if (head is not [Magic, var format, var version, var length, var checksum, var owner])
            throw Damaged(path, "its first line is not that of a state");
        if (format != Format.ToString(CultureInfo.InvariantCulture))
        {
            throw new StoredStateException(
                $"{path} has format {format}, this program knows {Format}: start the program that wrote it, or a newer one.");
        }

        var payload = bytes.AsMemory(end + 1);
        if (!long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || length != payload.Length.ToString(CultureInfo.InvariantCulture)
            || checksum != ChecksumOf(payload.Span))
        {
            throw Damaged(path, "length or checksum do not agree");
        }

        return owner == grain.ToString() ? new StateFile(number, payload) : throw Damaged(path, $"it belongs to {owner}");
    }

    public void Write(string path, GrainId grain)
    {
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"{Magic} {Format} {Version} {Payload.Length} {ChecksumOf(Payload.Span)} {grain}\n");
        DurableFile.Write(path, Encoding.UTF8.GetBytes(head), Payload.Span);
    }

    private static string ChecksumOf(ReadOnlySpan<byte> payload) =>
        Crc32C.Compute(payload).ToString("x8", CultureInfo.InvariantCulture);

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
