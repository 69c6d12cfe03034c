using System.Text.Json.Serialization;
using Loire.Broker.Ports;

namespace Loire.Embedded.Engine;

/// <summary>A line of the catalog's file. Names of members are on disk: a change of theirs is a new format.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "change", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(TopicCreated), "topic-created")]
[JsonDerivedType(typeof(PartitionsAdded), "partitions-added")]
[JsonDerivedType(typeof(TopicDeleted), "topic-deleted")]
[JsonDerivedType(typeof(ConfigsSet), "configs-set")]
internal abstract record CatalogChange;

/// <param name="Partitions">How many; on one node all of them are there.</param>
/// <param name="Configs">The topic's overrides.</param>
internal sealed record TopicCreated(
    string Name, Guid Id, int Partitions, IReadOnlyDictionary<string, string> Configs) : CatalogChange;

/// <param name="Partitions">How many there are from now on.</param>
internal sealed record PartitionsAdded(Guid Id, int Partitions) : CatalogChange;

internal sealed record TopicDeleted(Guid Id) : CatalogChange;

/// <param name="Configs">All overrides of the resource from now on.</param>
internal sealed record ConfigsSet(
    ConfigResourceType Type, string Resource, IReadOnlyDictionary<string, string> Configs) : CatalogChange;

/// <summary>The first line of the catalog's file.</summary>
internal sealed record CatalogHead(int Format)
{
    public const int CurrentFormat = 1;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(CatalogChange))]
[JsonSerializable(typeof(CatalogHead))]
internal sealed partial class CatalogJson : JsonSerializerContext;
