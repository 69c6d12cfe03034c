using Loire.Tests.Cluster.Fakes;
using Orleans.Storage;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>One silo's way to what all share, the membership table and the controllers' states: a database that may be out
/// of its reach.</summary>
internal sealed class StoreLink(SharedMembership membership, SharedStorage states) : IMembershipTable, IGrainStorage
{
    /// <summary>Nothing is read or written.</summary>
    public bool IsCut { get; set; }

    /// <summary>The silo is to end and nobody is to learn of it from the table: it only believes that it wrote.</summary>
    public bool IsOfDeadSilo { get; set; }

    public Task InitializeMembershipTable(bool tryInitTableVersion) =>
        OverAsync(() => membership.InitializeMembershipTable(tryInitTableVersion));

    public Task DeleteMembershipTableEntries(string clusterId) => throw new NotSupportedException();

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) =>
        OverAsync(() => membership.CleanupDefunctSiloEntries(beforeDate));

    public async Task<MembershipTableData> ReadAll() => await OverAsync(membership.ReadAll);

    public async Task<MembershipTableData> ReadRow(SiloAddress key) => await OverAsync(() => membership.ReadRow(key));

    public async Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) =>
        await OverAsync(() => membership.InsertRow(entry, tableVersion));

    public async Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        IsOfDeadSilo || await OverAsync(() => membership.UpdateRow(entry, etag, tableVersion));

    public Task UpdateIAmAlive(MembershipEntry entry) =>
        IsOfDeadSilo ? Task.CompletedTask : OverAsync(() => membership.UpdateIAmAlive(entry));

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        OverAsync(() => states.ReadStateAsync(stateName, grainId, grainState));

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        IsOfDeadSilo
            ? throw new IOException("The silo is dead.")
            : OverAsync(() => states.WriteStateAsync(stateName, grainId, grainState));

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        OverAsync(() => states.ClearStateAsync(stateName, grainId, grainState));

    /// <summary>As over a network: never answered within the caller's turn.</summary>
    private async Task<T> OverAsync<T>(Func<Task<T>> call)
    {
        await Task.Yield();
        return IsCut ? throw new IOException("The store is out of reach.") : await call();
    }

    private Task OverAsync(Func<Task> call) => OverAsync(async () =>
    {
        await call();
        return true;
    });
}
