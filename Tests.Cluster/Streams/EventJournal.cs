using System.Collections.Concurrent;

namespace Loire.Tests.Cluster.Streams;

/// <summary>What test grains of this process were given, by stream key.</summary>
internal static class EventJournal
{
    private static readonly ConcurrentDictionary<string, ConcurrentQueue<(string Event, long Offset)>> Delivered = new();
    private static readonly ConcurrentDictionary<string, byte> Poison = new();
    private static readonly ConcurrentDictionary<string, TaskCompletionSource> Gates = new();
    private static readonly ConcurrentDictionary<string, int> LargestCalls = new();

    public static IReadOnlyList<string> Of(string key) => [.. Entries(key).Select(entry => entry.Event)];

    public static IReadOnlyList<long> OffsetsOf(string key) => [.. Entries(key).Select(entry => entry.Offset)];

    /// <summary>How many events one call brought at most.</summary>
    public static int LargestCallOf(string key) => LargestCalls.GetValueOrDefault(key);

    public static void NoteCall(string key, int count) => LargestCalls.AddOrUpdate(key, count, (_, known) => Math.Max(known, count));

    /// <summary>The consumer of this event takes as long for it as the result is not completed.</summary>
    public static TaskCompletionSource Hold(string item) => Gates[item] = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static Task WhenReleasedAsync(string item) => Gates.TryGetValue(item, out var gate) ? gate.Task : Task.CompletedTask;

    public static void Add(string key, string item, long offset) => Entries(key).Enqueue((item, offset));

    /// <summary>No consumer takes this event.</summary>
    public static void Refuse(string item) => Poison[item] = 0;

    public static void Accept(string item) => Poison.TryRemove(item, out _);

    public static bool IsRefused(string item) => Poison.ContainsKey(item);

    public static string NewKey() => Guid.NewGuid().ToString("N");

    private static ConcurrentQueue<(string Event, long Offset)> Entries(string key) => Delivered.GetOrAdd(key, static _ => new());
}
