using Orleans.Storage;

namespace Loire.Silo.Postgres;

/// <summary>Keeps grain keys apart that Orleans' ADO.NET storage takes for one: it reads what looks like a hexadecimal number
/// as that number, so the topics "1" and "01", and "a" and "A", would share a row. A key behind a sign is no number.</summary>
internal sealed class ExactKeyStorage(IGrainStorage inner) : IGrainStorage
{
    private const string Sign = "=";

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        inner.ReadStateAsync(stateName, Exact(grainId), grainState);

    public Task ReadStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        inner.ReadStateAsync(stateName, Exact(grainId), grainState, cancellationToken);

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        inner.WriteStateAsync(stateName, Exact(grainId), grainState);

    public Task WriteStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        inner.WriteStateAsync(stateName, Exact(grainId), grainState, cancellationToken);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        inner.ClearStateAsync(stateName, Exact(grainId), grainState);

    public Task ClearStateAsync<T>(
        string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        inner.ClearStateAsync(stateName, Exact(grainId), grainState, cancellationToken);

    private static GrainId Exact(GrainId grainId) => GrainId.Create(grainId.Type, IdSpan.Create(Sign + grainId.Key));
}
