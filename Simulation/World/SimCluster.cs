using System.Collections.Immutable;
using Loire.Broker.Control;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Simulation.World;

/// <summary>All that a run consists of: brokers over their disks, the network, the controller and its store.</summary>
internal sealed class SimCluster
{
    private static readonly TopicId Topic = new(new Guid(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 1]));
    private readonly SimBroker[] _brokers;

    public SimCluster(int seed, int storyLines)
    {
        Random = new Random(seed);
        Loop = new EventLoop();
        Story = new Story(Loop, storyLines);
        Network = new SimNetwork(Loop, Random);
        BrokerCount = Random.Next(3, 6);
        var replicas = Math.Min(BrokerCount, Random.Next(2, 4));
        IsUnclean = Random.Next(8) == 0;
        TopicConfig = TopicConfig.Default with { MinInSyncReplicas = Random.Next(1, replicas + 1), TimestampAfterMaxMs = long.MaxValue };
        Membership = new SimMembership(this, [.. Enumerable.Range(0, BrokerCount).Select(id => new NodeId(id))]);
        var placements = Enumerable.Range(0, Random.Next(2, 5))
            .Select(p => Enumerable.Range(0, replicas).Select(r => new NodeId((p + r) % BrokerCount)).ToImmutableArray())
            .ToImmutableArray();
        Store = new SimStore(
            Random, TopicControlCore.Create(placements, IsUnclean, Membership.Statuses(), started: []).State);
        Partitions = [.. Enumerable.Range(0, placements.Length).Select(index => new PartitionIndex(index))];
        Checker = new Checker(this);
        Controller = new SimController(this);
        _brokers = [.. Enumerable.Range(0, BrokerCount).Select(id => new SimBroker(this, id, 1, new SimDisk(Loop, Random, number: 0)))];
        var size = $"{BrokerCount} brokers, {placements.Length} partitions of {replicas} replicas";
        Story.Tell("cluster", $"{size}, min in sync {TopicConfig.MinInSyncReplicas}{(IsUnclean ? ", unclean elections" : "")}");
    }

    public Random Random { get; }
    public EventLoop Loop { get; }
    public Story Story { get; }
    public SimNetwork Network { get; }
    public SimMembership Membership { get; }
    public SimStore Store { get; }
    public SimController Controller { get; }
    public Checker Checker { get; }
    public TopicConfig TopicConfig { get; }

    /// <summary>Whether replicas that are not in sync may be elected: then what was acknowledged may be lost.</summary>
    public bool IsUnclean { get; }
    public int BrokerCount { get; }
    public ImmutableArray<PartitionIndex> Partitions { get; }

    /// <summary>The last partition holds the groups' offsets.</summary>
    public PartitionIndex OffsetsPartition => Partitions[^1];
    public IReadOnlyList<SimBroker> Brokers => _brokers;
    public IBrokerConfigs Configs { get; } = FixedBrokerConfigs.Default;

    public static TopicIdPartition Id(PartitionIndex partition) => new(Topic, new TopicName("sim"), partition);

    public static IEnumerable<KeyValuePair<PartitionIndex, PartitionState>> All(TopicControlState state) =>
        state.Partitions.Select((partition, index) => KeyValuePair.Create(new PartitionIndex(index), partition));

    /// <summary>Hands a message to whatever process now runs as that broker.</summary>
    public void Deliver(int broker, Action<SimBroker> message)
    {
        var target = _brokers[broker];
        target.Run(() => message(target));
    }

    public void Announce(ControlStep step)
    {
        var news = step.Changed.Select(index => KeyValuePair.Create(index, step.State.Partitions[index.Value])).ToList();
        for (var id = 0; id < BrokerCount; id++)
        {
            var broker = id;
            Network.Send(SimNetwork.Controller, broker, () => Deliver(broker, target => target.Learn(news)));
        }
    }

    public void Crash(int id)
    {
        if (!_brokers[id].IsUp) return;
        if (_brokers[id].Disk.Room.IsFull) Checker.FullDisks.CrashedCount++;
        _brokers[id].Stop();
        _crashedDisks[id] = _brokers[id].Disk.Crash();
    }

    /// <summary>A crash, after which the broker's next run finds an empty disk.</summary>
    public void LoseDisk(int id)
    {
        Crash(id);
        _crashedDisks[id] = _brokers[id].Disk.Replace();
        Story.Tell($"broker {id}.{_brokers[id].Incarnation}", "loses its disk");
    }

    public void Restart(int id)
    {
        if (_brokers[id].IsUp || _crashedDisks[id] is not { } disk) return;
        _crashedDisks[id] = null;
        _brokers[id] = new SimBroker(this, id, _brokers[id].Incarnation + 1, disk);
        Story.Tell($"broker {id}.{_brokers[id].Incarnation}", $"starts with {disk.EntryCount} journal entries");
    }

    /// <summary>Whether the controllers have heard that a broker runs on the disk it has now.</summary>
    public bool IsDiskKnown(NodeId broker)
    {
        var noted = Store.State.Generations.FirstOrDefault(noted => noted.Broker == broker);
        return noted.DirectoryId is null || string.Equals(noted.DirectoryId, DiskOf(broker.Value).DirectoryId, StringComparison.Ordinal);
    }

    public int LostDiskCount => Enumerable.Range(0, BrokerCount).Count(id => DiskOf(id).Number > 0);

    /// <summary>What is on a broker's disk, be it up or not.</summary>
    public SimDisk DiskOf(int id) => _crashedDisks[id] ?? _brokers[id].Disk;

    private readonly SimDisk?[] _crashedDisks = new SimDisk?[8];
}
