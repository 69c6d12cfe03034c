namespace Loire.Broker.Handlers;

/// <summary>Bit sets of ACL operations (KIP-430). Nothing is forbidden here, so a resource allows whatever can be done to
/// its kind; bit numbers are those of the ACL requests.</summary>
internal static class AuthorizedOperations
{
    /// <summary>What a response says when nobody asked.</summary>
    public const int NotAsked = int.MinValue;

    public const int Group = Read | Describe | Delete | DescribeConfigs | AlterConfigs;
    public const int Topic = Read | Write | Create | Delete | Alter | Describe | DescribeConfigs | AlterConfigs;
    public const int Cluster =
        Create | Alter | Describe | ClusterAction | DescribeConfigs | AlterConfigs | IdempotentWrite;

    private const int Read = 1 << 3;
    private const int Write = 1 << 4;
    private const int Create = 1 << 5;
    private const int Delete = 1 << 6;
    private const int Alter = 1 << 7;
    private const int Describe = 1 << 8;
    private const int ClusterAction = 1 << 9;
    private const int DescribeConfigs = 1 << 10;
    private const int AlterConfigs = 1 << 11;
    private const int IdempotentWrite = 1 << 12;
}
