namespace Loire.Simulation.World;

/// <summary>A network that loses, delays, doubles and reorders messages, and that can be cut into parts. Nodes are
/// numbers: brokers from 0, <see cref="Controller"/>, clients from <see cref="FirstClient"/>.</summary>
internal sealed class SimNetwork(EventLoop loop, Random random)
{
    public const int Controller = 100;
    public const int FirstClient = 200;

    public const int StrayMaxMs = 4_000;

    private readonly Dictionary<int, int> _parts = [];

    public double LossRate { get; set; }
    public double DuplicateRate { get; set; }

    /// <summary>How many of the messages between brokers and controllers come very late.</summary>
    public double StrayRate { get; set; }
    public int DelayMaxMs { get; set; } = 3;

    /// <summary>Nodes in different parts hear nothing from each other. Part 0 is where everybody starts.</summary>
    public void Cut(int node, int part) => _parts[node] = part;

    public void Heal() => _parts.Clear();

    public bool IsCut => _parts.Count > 0;

    public bool AreConnected(int a, int b) => PartOf(a) == PartOf(b);

    public void Send(int from, int to, Action deliver)
    {
        var copies = random.NextDouble() < DuplicateRate ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            if (IsLost(from, to)) continue;
            loop.After(random.NextDouble() < StrayRate ? random.Next(0, StrayMaxMs) : DelayMs(), () =>
            {
                if (AreConnected(from, to)) deliver();
            });
        }
    }

    public bool IsLost(int from, int to) => !AreConnected(from, to) || random.NextDouble() < LossRate;

    public int DelayMs() => random.NextDouble() < 0.02 ? random.Next(0, 40 * DelayMaxMs) : random.Next(0, DelayMaxMs + 1);

    private int PartOf(int node) => _parts.GetValueOrDefault(node);
}
