namespace Loire.Protocol.Groups;

/// <summary>What a consumer tells the leader of its group.</summary>
/// <param name="Owned">What it reads and goes on reading while the group forms anew (KIP-429); null for a member that has
/// given everything back before it joins.</param>
/// <param name="Generation">In which it was given those; -1 where it was given none, or does not say.</param>
public sealed record Subscription(
    IReadOnlyList<TopicName> Topics, IReadOnlyList<TopicPartition>? Owned = null, int Generation = -1);

/// <summary>A member of a group as its leader knows it.</summary>
/// <param name="InstanceId">Of a static member (KIP-345), else null.</param>
public sealed record Subscriber(string MemberId, string? InstanceId, Subscription Subscription);
