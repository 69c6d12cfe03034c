using System.Globalization;
using Orleans.Messaging;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A membership table in memory that belongs to no silo, and what Orleans clients find their gateways in.</summary>
internal sealed class SharedMembership : IMembershipTable, IGatewayListProvider
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SiloAddress, (MembershipEntry Entry, string ETag)> _rows = [];
    private TableVersion _version = new(0, "0");
    private long _writes;

    public TimeSpan MaxStaleness => TimeSpan.FromMilliseconds(100);

    public bool IsUpdatable => true;

    public Task InitializeMembershipTable(bool tryInitTableVersion) => Task.CompletedTask;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public Task DeleteMembershipTableEntries(string clusterId) => throw new NotSupportedException();

    /// <summary>The dead stay: a test is short.</summary>
    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => Task.CompletedTask;

    public Task<MembershipTableData> ReadAll() => Task.FromResult(Read(_ => true));

    public Task<MembershipTableData> ReadRow(SiloAddress key) => Task.FromResult(Read(key.Equals));

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) =>
        Task.FromResult(TryWrite(entry, tableVersion, etag: null));

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        Task.FromResult(TryWrite(entry, tableVersion, etag));

    public Task UpdateIAmAlive(MembershipEntry entry)
    {
        lock (_lock)
        {
            if (_rows.TryGetValue(entry.SiloAddress, out var row)) row.Entry.IAmAliveTime = entry.IAmAliveTime;
        }

        return Task.CompletedTask;
    }

    public async Task<IList<Uri>> GetGateways() =>
    [
        .. (await ReadAll()).Members.Select(member => member.Item1)
            .Where(silo => silo.Status == SiloStatus.Active)
            .Select(silo => SiloAddress.New(silo.SiloAddress.Endpoint.Address, silo.ProxyPort, silo.SiloAddress.Generation).ToGatewayUri()),
    ];

    private MembershipTableData Read(Func<SiloAddress, bool> isWanted)
    {
        lock (_lock)
        {
            var rows = _rows.Values.Where(row => isWanted(row.Entry.SiloAddress));
            return new MembershipTableData([.. rows.Select(row => Tuple.Create(Copy(row.Entry), row.ETag))], _version);
        }
    }

    /// <param name="etag">Null for a new row.</param>
    private bool TryWrite(MembershipEntry entry, TableVersion version, string? etag)
    {
        lock (_lock)
        {
            var known = _rows.TryGetValue(entry.SiloAddress, out var row) ? row.ETag : null;
            if (known != etag || version.VersionEtag != _version.VersionEtag) return false;
            var next = (++_writes).ToString(CultureInfo.InvariantCulture);
            _rows[entry.SiloAddress] = (Copy(entry), next);
            _version = new TableVersion(version.Version, next);
            return true;
        }
    }

    private static MembershipEntry Copy(MembershipEntry entry) => new()
    {
        SiloAddress = entry.SiloAddress,
        Status = entry.Status,
        SuspectTimes = entry.SuspectTimes is { } votes ? [.. votes] : null,
        ProxyPort = entry.ProxyPort,
        HostName = entry.HostName,
        SiloName = entry.SiloName,
        StartTime = entry.StartTime,
        IAmAliveTime = entry.IAmAliveTime,
    };
}
