using System.Collections.Concurrent;
using System.Globalization;
using Loire.Grains.Storage;
using Orleans.Storage;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>A storage that outlives silos and clusters, in the persisted form, and that can be away.</summary>
internal sealed class SharedStorage : IGrainStorage
{
    private static readonly DocumentSerializer Serializer = new();
    private readonly ConcurrentDictionary<(string, GrainId), (int Version, byte[] Text)> _rows = new();
    private int _writes;

    /// <summary>Writes that were taken.</summary>
    public int Writes => _writes;

    /// <summary>Nothing is read or written.</summary>
    public bool IsAway { get; set; }

    /// <summary>Writes are taken, but nobody learns of it.</summary>
    public bool LosesAnswers { get; set; }

    /// <summary>Awaited before each write.</summary>
    public Func<Task> BeforeWrite { get; set; } = () => Task.CompletedTask;

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        CheckAvailable();
        grainState.RecordExists = _rows.TryGetValue((stateName, grainId), out var row);
        grainState.ETag = grainState.RecordExists ? row.Version.ToString(CultureInfo.InvariantCulture) : null;
        grainState.State = grainState.RecordExists ? Serializer.Deserialize<T>(new BinaryData(row.Text)) : default;
        return Task.CompletedTask;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        await BeforeWrite();
        CheckAvailable();
        var next = (Version: Parse(grainState.ETag) + 1, Text: Serializer.Serialize(grainState.State).ToArray());
        var isTaken = grainState.ETag is null
            ? _rows.TryAdd((stateName, grainId), next)
            : _rows.TryGetValue((stateName, grainId), out var known)
            && known.Version == Parse(grainState.ETag)
            && _rows.TryUpdate((stateName, grainId), next, known);
        if (!isTaken) throw new InconsistentStateException("Somebody else has written.");
        Interlocked.Increment(ref _writes);
        if (LosesAnswers) throw new TimeoutException("The storage did not answer.");
        grainState.ETag = next.Version.ToString(CultureInfo.InvariantCulture);
        grainState.RecordExists = true;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        throw new NotSupportedException();

    private static int Parse(string? etag) => etag is null ? 0 : int.Parse(etag, CultureInfo.InvariantCulture);

    private void CheckAvailable()
    {
        if (IsAway) throw new TimeoutException("The storage is away.");
    }
}
