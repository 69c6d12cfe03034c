using System.Collections.Immutable;

namespace Loire.Grains.Storage;

/// <summary>The names of all topics that were ever created and are not known to be gone, as they lie in the
/// storage.</summary>
/// <param name="Topics">By name the version with which the topic was last created, or was to be.</param>
internal sealed record TopicNamesDocument(int Format, SortedDictionary<string, long> Topics)
{
    public const int CurrentFormat = 1;

    public static TopicNamesDocument From(ImmutableSortedDictionary<string, long> topics) =>
        new(CurrentFormat, new SortedDictionary<string, long>(topics, StringComparer.Ordinal));

    public ImmutableSortedDictionary<string, long> ToTopics() => Topics.ToImmutableSortedDictionary(StringComparer.Ordinal);
}
