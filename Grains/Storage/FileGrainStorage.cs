using Loire.Log;
using Orleans.Storage;

namespace Loire.Grains.Storage;

/// <summary>Keeps the states of a cluster of one silo in files, one a grain: synced when a write is answered, replaced whole,
/// and damage is told with the file's name. The ETag is a version, which also rises when a state is cleared.</summary>
/// <param name="directory">An absolute path; made where it does not exist.</param>
internal sealed class FileGrainStorage(string directory, IGrainStorageSerializer serializer) : IGrainStorage
{
    /// <summary>A write compares the version with the file's and replaces the file: for one grain one at a time.</summary>
    private readonly Lock[] _locks = [.. Enumerable.Range(0, 64).Select(_ => new Lock())];

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.Run(() =>
    {
        var path = StateFile.PathOf(directory, stateName, grainId);
        var stored = StateFile.Read(path, grainId);
        grainState.ETag = stored?.ETag;
        grainState.RecordExists = stored is { Payload.IsEmpty: false };
        grainState.State = grainState.RecordExists ? Parse<T>(path, stored!) : default;
    });

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.Run(() =>
    {
        grainState.ETag = Replace(stateName, grainId, grainState.ETag, serializer.Serialize(grainState.State).ToMemory());
        grainState.RecordExists = true;
    });

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.Run(() =>
    {
        grainState.ETag = Replace(stateName, grainId, grainState.ETag, default);
        grainState.RecordExists = false;
        grainState.State = default;
    });

    private string Replace(string stateName, GrainId grainId, string? etag, ReadOnlyMemory<byte> payload)
    {
        var path = StateFile.PathOf(directory, stateName, grainId);
        lock (_locks[(uint)grainId.GetHashCode() % _locks.Length])
        {
            var stored = StateFile.Read(path, grainId);
            if (stored?.ETag != etag)
            {
                throw new InconsistentStateException(
                    $"{path} was written since it was read.", storedEtag: stored?.ETag, currentEtag: etag);
            }

            var next = new StateFile((stored?.Version ?? 0) + 1, payload);
            DurableFile.CreateDirectory(Path.GetDirectoryName(path)!);
            next.Write(path, grainId);
            return next.ETag;
        }
    }

    private T Parse<T>(string path, StateFile stored)
    {
        try
        {
            return serializer.Deserialize<T>(new BinaryData(stored.Payload))!;
        }
        catch (StoredStateException fault)
        {
            throw new StoredStateException($"{path}: {fault.Message}", fault);
        }
    }
}
