using System.Text.Json;
using System.Text.Json.Serialization;
using Loire.Broker.Topics;
using Loire.Log;
using Loire.Protocol;

namespace Loire.Embedded.Engine;

/// <summary>Whose a data directory is: the file meta.json. It is what tells a restarted broker that it is the same one.</summary>
/// <param name="ClusterId">Empty for a cluster's member that never joined one.</param>
/// <param name="DirectoryId">Tells this directory from one that took its place.</param>
public sealed record DirectoryIdentity(string Directory, string ClusterId, NodeId NodeId, string DirectoryId)
{
    public const string FileName = "meta.json";
    private const string JournalDirectory = "journal";

    /// <summary>The directory of a single broker. It is written last: a directory that has it also has a catalog.</summary>
    /// <exception cref="DataDirectoryException">The directory belongs to another node or to a cluster's broker, or the file
    /// cannot be read.</exception>
    public static DirectoryIdentity Open(string directory, NodeId node)
    {
        directory = Path.GetFullPath(directory);
        if (Find(directory, node) is { } stored)
        {
            return stored.IsMember
                ? throw new DataDirectoryException(
                    $"{directory} belongs to a broker of the cluster {stored.ClusterId}: start it there, or name another data directory.")
                : stored.ToIdentity(directory);
        }

        CatalogFile.Create(directory);
        return Write(directory, DirectoryMeta.New(RandomIds.NewClusterId(), node));
    }

    /// <summary>The directory of a cluster's broker. It is written first: where the file is missing, there were no
    /// records.</summary>
    /// <exception cref="DataDirectoryException">The directory belongs to another node or to a single broker, or the file
    /// cannot be read, or is missing.</exception>
    public static DirectoryIdentity OpenMember(string directory, NodeId node)
    {
        directory = Path.GetFullPath(directory);
        if (Find(directory, node) is { } stored)
        {
            return stored.IsMember
                ? stored.ToIdentity(directory)
                : throw new DataDirectoryException(
                    $"{directory} belongs to a broker that stands alone, whose topics cannot join a cluster: "
                    + "name another data directory.");
        }

        if (System.IO.Directory.Exists(Path.Combine(directory, JournalDirectory)))
        {
            throw new DataDirectoryException(
                $"{directory} has records, but its {FileName} is missing: restore that from a backup, or name another data directory.");
        }

        return Write(directory, DirectoryMeta.New(clusterId: "", node) with { IsMember = true });
    }

    /// <summary>Notes the cluster that a member has joined.</summary>
    public DirectoryIdentity Joined(string clusterId) => clusterId == ClusterId
        ? this
        : Write(Directory, new DirectoryMeta(DirectoryMeta.CurrentFormat, clusterId, NodeId.Value, DirectoryId, IsMember: true));

    /// <returns>Null where the directory belongs to nobody yet.</returns>
    private static DirectoryMeta? Find(string directory, NodeId node)
    {
        System.IO.Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path)) return null;
        var stored = Read(path);
        return stored.NodeId == node.Value
            ? stored
            : throw new DataDirectoryException(
                $"{directory} belongs to node {stored.NodeId}, and this is node {node}: "
                + $"start it as node {stored.NodeId}, or name another data directory.");
    }

    private static DirectoryIdentity Write(string directory, DirectoryMeta meta)
    {
        DurableFile.Write(
            Path.Combine(directory, FileName),
            JsonSerializer.SerializeToUtf8Bytes(meta, DirectoryMetaJson.Default.DirectoryMeta));
        return meta.ToIdentity(directory);
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
/// <param name="IsMember">Of a cluster, which has its catalog elsewhere.</param>
internal sealed record DirectoryMeta(int Format, string ClusterId, int NodeId, string DirectoryId, bool IsMember = false)
{
    public const int CurrentFormat = 1;

    public static DirectoryMeta New(string clusterId, NodeId node) =>
        new(CurrentFormat, clusterId, node.Value, RandomIds.NewClusterId());

    public DirectoryIdentity ToIdentity(string directory) => new(directory, ClusterId, new NodeId(NodeId), DirectoryId);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(DirectoryMeta))]
internal sealed partial class DirectoryMetaJson : JsonSerializerContext;
