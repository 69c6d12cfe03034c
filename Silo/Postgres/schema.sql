-- Where a cluster keeps its membership and its grains' states, in a schema of Loire's own.
-- Orleans' ADO.NET providers read the texts of their queries from OrleansQuery and know nothing else of the database: the
-- keys, the names of parameters and result columns are theirs, everything else is ours.
-- Runs whole, in one transaction and under a lock, whenever the version below is higher than the stored one. So each
-- statement holds for a new schema and for an older one.

CREATE SCHEMA IF NOT EXISTS loire;

CREATE TABLE IF NOT EXISTS loire.SchemaVersion (Version integer NOT NULL);

CREATE TABLE IF NOT EXISTS loire.OrleansQuery (
    QueryKey text PRIMARY KEY,
    QueryText text NOT NULL
);

-- Every change of a membership raises its version, under the condition that nobody else did.
CREATE TABLE IF NOT EXISTS loire.Membership (
    DeploymentId text PRIMARY KEY,
    Version integer NOT NULL
);

CREATE TABLE IF NOT EXISTS loire.Member (
    DeploymentId text NOT NULL REFERENCES loire.Membership,
    Address text NOT NULL,
    Port integer NOT NULL,
    Generation integer NOT NULL,
    SiloName text NOT NULL,
    HostName text NOT NULL,
    Status integer NOT NULL,
    ProxyPort integer NOT NULL,
    SuspectTimes text NULL,
    StartTime timestamptz NOT NULL,
    IAmAliveTime timestamptz NOT NULL,
    PRIMARY KEY (DeploymentId, Address, Port, Generation)
);

-- The whole key is in the index, so that of two grains that write a first state one is refused by the database itself.
CREATE TABLE IF NOT EXISTS loire.GrainState (
    ServiceId text NOT NULL,
    GrainType text NOT NULL,
    GrainIdN0 bigint NOT NULL,
    GrainIdN1 bigint NOT NULL,
    GrainKey text NOT NULL,
    Version integer NOT NULL,
    Payload bytea NULL,
    PRIMARY KEY (ServiceId, GrainType, GrainIdN0, GrainIdN1, GrainKey)
);

INSERT INTO loire.OrleansQuery (QueryKey, QueryText) VALUES

('InsertMembershipVersionKey', $$
    WITH inserted AS (
        INSERT INTO loire.Membership (DeploymentId, Version) VALUES (@DeploymentId, 0)
        ON CONFLICT DO NOTHING
        RETURNING 1)
    SELECT count(*) > 0 FROM inserted
$$),

('InsertMembershipKey', $$
    WITH raised AS (
        UPDATE loire.Membership SET Version = Version + 1
        WHERE DeploymentId = @DeploymentId AND Version = @Version AND NOT EXISTS (
            SELECT 1 FROM loire.Member
            WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation)
        RETURNING DeploymentId),
    inserted AS (
        INSERT INTO loire.Member (
            DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, StartTime, IAmAliveTime)
        SELECT DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime
        FROM raised
        RETURNING 1)
    SELECT count(*) > 0 FROM inserted
$$),

('UpdateMembershipKey', $$
    WITH raised AS (
        UPDATE loire.Membership SET Version = Version + 1
        WHERE DeploymentId = @DeploymentId AND Version = @Version AND EXISTS (
            SELECT 1 FROM loire.Member
            WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation)
        RETURNING DeploymentId),
    updated AS (
        UPDATE loire.Member SET Status = @Status, SuspectTimes = @SuspectTimes, IAmAliveTime = @IAmAliveTime
        FROM raised
        WHERE Member.DeploymentId = raised.DeploymentId
            AND Address = @Address AND Port = @Port AND Generation = @Generation
        RETURNING 1)
    SELECT count(*) > 0 FROM updated
$$),

('UpdateIAmAlivetimeKey', $$
    UPDATE loire.Member SET IAmAliveTime = @IAmAliveTime
    WHERE DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation
$$),

-- The version comes also where there is no such member.
('MembershipReadRowKey', $$
    SELECT
        Membership.DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, SuspectTimes, StartTime,
        IAmAliveTime, Version
    FROM loire.Membership
    LEFT JOIN loire.Member
        ON Member.DeploymentId = Membership.DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation
    WHERE Membership.DeploymentId = @DeploymentId
$$),

('MembershipReadAllKey', $$
    SELECT
        Membership.DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, SuspectTimes, StartTime,
        IAmAliveTime, Version
    FROM loire.Membership
    LEFT JOIN loire.Member ON Member.DeploymentId = Membership.DeploymentId
    WHERE Membership.DeploymentId = @DeploymentId
$$),

('DeleteMembershipTableEntriesKey', $$
    DELETE FROM loire.Member WHERE DeploymentId = @DeploymentId;
    DELETE FROM loire.Membership WHERE DeploymentId = @DeploymentId
$$),

-- 3 is an active silo.
('CleanupDefunctSiloEntriesKey', $$
    DELETE FROM loire.Member WHERE DeploymentId = @DeploymentId AND IAmAliveTime < @IAmAliveTime AND Status <> 3
$$),

('GatewaysQueryKey', $$
    SELECT Address, ProxyPort, Generation FROM loire.Member
    WHERE DeploymentId = @DeploymentId AND Status = @Status AND ProxyPort > 0
$$),

('ReadFromStorageKey', $$
    SELECT Payload AS PayloadBinary, Version FROM loire.GrainState
    WHERE ServiceId = @ServiceId AND GrainType = @GrainTypeString AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1
        AND GrainKey = coalesce(@GrainIdExtensionString, '')
$$),

-- A version that comes back as it was given says that another one was stored meanwhile.
('WriteToStorageKey', $$
    WITH updated AS (
        UPDATE loire.GrainState SET Payload = @PayloadBinary, Version = Version + 1
        WHERE ServiceId = @ServiceId AND GrainType = @GrainTypeString AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1
            AND GrainKey = coalesce(@GrainIdExtensionString, '') AND Version = @GrainStateVersion
        RETURNING Version),
    inserted AS (
        INSERT INTO loire.GrainState (ServiceId, GrainType, GrainIdN0, GrainIdN1, GrainKey, Version, Payload)
        SELECT @ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, coalesce(@GrainIdExtensionString, ''), 1, @PayloadBinary
        WHERE @GrainStateVersion IS NULL
        ON CONFLICT DO NOTHING
        RETURNING Version)
    SELECT coalesce((SELECT Version FROM updated), (SELECT Version FROM inserted), @GrainStateVersion) AS NewGrainStateVersion
$$),

('ClearStorageKey', $$
    UPDATE loire.GrainState SET Payload = NULL, Version = Version + 1
    WHERE ServiceId = @ServiceId AND GrainType = @GrainTypeString AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1
        AND GrainKey = coalesce(@GrainIdExtensionString, '') AND Version = @GrainStateVersion
    RETURNING Version AS NewGrainStateVersion
$$),

('DeleteStorageKey', $$
    DELETE FROM loire.GrainState
    WHERE ServiceId = @ServiceId AND GrainType = @GrainTypeString AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1
        AND GrainKey = coalesce(@GrainIdExtensionString, '') AND Version = @GrainStateVersion
    RETURNING Version + 1 AS NewGrainStateVersion
$$)

ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText;
