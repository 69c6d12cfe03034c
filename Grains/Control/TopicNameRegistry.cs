using System.Collections.Immutable;
using Loire.Broker.Topics;
using Loire.Grains.Storage;
using Loire.Protocol;

namespace Loire.Grains.Control;

/// <summary>The names of topics, so that brokers find the controllers. A name stands here before its topic is created, and
/// until no broker keeps anything of it: whether there is such a topic only its controller knows. Immutable.</summary>
/// <param name="Versions">By name, the version with which the topic was last created, or was to be.</param>
internal sealed record TopicNameRegistry(ImmutableSortedDictionary<string, long> Versions)
{
    public static readonly StateForm<TopicNameRegistry, TopicNamesDocument> Form = new(
        new TopicNameRegistry(ImmutableSortedDictionary.Create<string, long>(StringComparer.Ordinal)),
        document => new TopicNameRegistry(document.ToTopics()),
        registry => TopicNamesDocument.From(registry.Versions));

    /// <summary>The topic whose name differs from this one by '.' and '_' alone.</summary>
    public string? FindCollision(string name, ImmutableArray<string> absent) =>
        TopicNames.CollisionKey(new TopicName(name)) is { } key
            ? Versions.Keys.FirstOrDefault(known =>
                known != name && TopicNames.CollisionKey(new TopicName(known)) == key && !absent.Contains(known))
            : null;

    public TopicNameRegistry Add(string name, long version) =>
        Versions.GetValueOrDefault(name) >= version ? this : new(Versions.SetItem(name, version));

    /// <summary>A name that was noted since the deletion stays.</summary>
    public TopicNameRegistry Forget(string name, long version) =>
        Versions.TryGetValue(name, out var created) && created <= version ? new(Versions.Remove(name)) : this;
}
