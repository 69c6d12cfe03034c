using System.Text.Json;
using System.Text.Json.Serialization;
using Loire.Broker.Topics;
using Loire.Log;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>Whose a data directory is: the file meta.json, written once. It is what tells a restarted broker that it is
/// the same one. It is written last: a directory that has it also has a catalog.</summary>
public sealed record DirectoryIdentity(string Directory, string ClusterId, NodeId NodeId, string DirectoryId)
{
    public const string FileName = "meta.json";

    /// <summary>Reads the identity of <paramref name="directory"/>, creating both where they are not there.</summary>
    /// <exception cref="DataDirectoryException">The directory belongs to another node, or the file cannot be
    /// read.</exception>
    public static DirectoryIdentity Open(string directory, NodeId node)
    {
        directory = Path.GetFullPath(directory);
        System.IO.Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            return Claim(path, directory, node);

        var stored = Read(path);
        if (stored.NodeId != node.Value)
        {
            throw new DataDirectoryException(
                $"{directory} belongs to node {stored.NodeId}, and this is node {node}: "
                + $"start it as node {stored.NodeId}, or name another data directory.");
        }

        return new(directory, stored.ClusterId, node, stored.DirectoryId);
    }

    private static DirectoryIdentity Claim(string path, string directory, NodeId node)
    {
        CatalogFile.Create(directory);
        var identity = new DirectoryIdentity(directory, RandomIds.NewClusterId(), node, RandomIds.NewClusterId());
        var stored = new DirectoryMeta(DirectoryMeta.CurrentFormat, identity.ClusterId, node.Value, identity.DirectoryId);
        DurableFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(stored, DirectoryMetaJson.Default.DirectoryMeta));
        return identity;
    }

    private static DirectoryMeta Read(string path)
    {
        DirectoryMeta? meta;
        try
        {
            meta = JsonSerializer.Deserialize(File.ReadAllBytes(path), DirectoryMetaJson.Default.DirectoryMeta);
        }
        catch (JsonException fault)
        {
            throw new DataDirectoryException($"{path} cannot be read: {fault.Message} Restore it from a backup.", fault);
        }

        if (meta is null)
            throw new DataDirectoryException($"{path} says nothing. Restore it from a backup.");
        if (meta.Format > DirectoryMeta.CurrentFormat)
        {
            throw new DataDirectoryException(
                $"{path} has format {meta.Format}, this program knows format {DirectoryMeta.CurrentFormat}: "
                + "start the version that wrote it, or a newer one.");
        }

        return meta;
    }
}

/// <summary>The content of meta.json.</summary>
internal sealed record DirectoryMeta(int Format, string ClusterId, int NodeId, string DirectoryId)
{
    public const int CurrentFormat = 1;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(DirectoryMeta))]
internal sealed partial class DirectoryMetaJson : JsonSerializerContext;
