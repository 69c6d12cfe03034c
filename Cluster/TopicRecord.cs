using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>A topic as its controller persisted it and announces it. Immutable.</summary>
/// <param name="Version">Rises with every change of the topic of this name, over its deletion and its creation anew, so
/// that announcements may come late, twice and in any order.</param>
/// <param name="IsDeleted">Replicas of <paramref name="Id"/> are to be dropped. The record stays, for brokers that were
/// away.</param>
/// <param name="ConfigOverrides">What was set on the topic itself, by config name.</param>
public sealed record TopicRecord(
    TopicName Name,
    TopicId Id,
    long Version,
    bool IsDeleted,
    ImmutableSortedDictionary<string, string> ConfigOverrides,
    TopicControlState Control);
