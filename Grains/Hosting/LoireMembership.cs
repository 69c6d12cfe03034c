using Orleans.Configuration;

namespace Loire.Grains.Hosting;

/// <summary>How soon a broker counts as dead. Orleans probes every silo from every other; these settings decide between two
/// harms: a dead leader's partitions take no writes until it is declared dead, and a living broker that is declared dead
/// must stop. Safety rests on neither: epochs and ETags fence whoever is wrong.</summary>
internal static class LoireMembership
{
    /// <summary>How long a broker that stops tries to write into the membership table that it leaves. Orleans bounds that by
    /// MaxJoinAttemptTime, which it reads for each attempt and of which a start needs more. While the table cannot be reached the
    /// others find out by themselves.</summary>
    public static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(10);

    public static void Configure(ClusterMembershipOptions options)
    {
        // A probe is given what probes took of late, as mean and deviation say, between half of this time and twice it, and
        // the next one starts that long after. A killed process refuses connections, so its probes fail at once, and three
        // take 0.9 s where answers are prompt, and 3.6 s at the very worst. The third goes by way of another silo, whose
        // vote it brings along.
        options.ProbeTimeout = TimeSpan.FromMilliseconds(600);
        options.MinProbeTimeout = TimeSpan.FromMilliseconds(300);
        options.MaxProbeTimeout = TimeSpan.FromMilliseconds(1200);
        options.NumMissedProbesLimit = 3;

        // A process that is only paused or starved keeps its connections. No vote against it counts while anything came
        // over them within the longest probe times the limit: silences up to 3.6 s pass. A killed one has no connections,
        // so this costs no time when it matters. A prober that runs late itself waits longer, up to the same bound.
        options.EnableConnectionLivenessCheck = true;
        options.ExtendProbeTimeoutDuringDegradation = true;

        // One witness may be cut off itself: two have to agree, where there are two. Suspicions that lie further apart are
        // not of one and the same failure.
        options.NumVotesForDeathDeclaration = 2;
        options.DeathVoteExpirationTimeout = TimeSpan.FromSeconds(15);

        // Membership spreads by gossip. The table is read for who missed it: a broker that was paused finds itself declared
        // dead this soon after it woke up.
        options.TableRefreshTimeout = TimeSpan.FromSeconds(5);

        // After all brokers were killed at once nobody is left to declare them dead. Entries that were not renewed for three
        // periods count as stale, and the first broker that returns clears them away instead of waiting for them.
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        options.NumMissedTableIAmAliveLimit = 3;
    }
}
