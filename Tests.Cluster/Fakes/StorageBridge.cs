using Orleans.Core;
using Orleans.Storage;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>A grain's own view of its state, as the runtime gives it to an activation, without one.</summary>
internal sealed class StorageBridge<T>(IGrainStorage storage, string name, GrainId grain) : IStorage<T>
{
    private readonly GrainState<T> _state = new();

    public T State { get => _state.State!; set => _state.State = value; }
    public string? Etag => _state.ETag;
    public bool RecordExists => _state.RecordExists;

    public Task ReadStateAsync() => storage.ReadStateAsync(name, grain, _state);
    public Task WriteStateAsync() => storage.WriteStateAsync(name, grain, _state);
    public Task ClearStateAsync() => storage.ClearStateAsync(name, grain, _state);
    public Task ReadStateAsync(CancellationToken cancellationToken) => ReadStateAsync();
    public Task WriteStateAsync(CancellationToken cancellationToken) => WriteStateAsync();
    public Task ClearStateAsync(CancellationToken cancellationToken) => ClearStateAsync();
}
