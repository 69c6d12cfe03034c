using Loire.Cluster;
using Loire.Grains.Push;
using Loire.Tests.Fakes;

namespace Loire.Tests.Cluster.Fakes;

/// <summary>A controller waits a second for the brokers to learn its news, and then answers without those that are slow: on a
/// busy machine any may be. Here it waits for all that are live, as long as the test says so.</summary>
internal sealed class PatientPusher(IPusher pusher, Func<bool> isPatient) : IPusher
{
    private static readonly TimeProvider Standstill = new FakeTime();

    public Announcement Push(TopicRecord topic) => Wait(pusher.Push(topic));

    public Announcement Push(ClusterRecord cluster) => Wait(pusher.Push(cluster));

    private Announcement Wait(Announcement news) => isPatient() ? news with { Time = Standstill } : news;
}
