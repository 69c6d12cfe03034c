namespace Loire.Tests.RealClients;

/// <summary>The standalone host as a process of its own.</summary>
internal sealed class BrokerProcess : KafkaHostProcess
{
    private readonly string[] _extraArguments;

    private BrokerProcess(int? port, string[] extraArguments)
        : base("Loire.Standalone", port) => _extraArguments = extraArguments;

    protected override IEnumerable<string> Arguments =>
    [
        "--data", DataDirectory, "--listen", $"127.0.0.1:{Port}", "--advertise", Bootstrap, "--http", "none", .. _extraArguments,
    ];

    public static async Task<BrokerProcess> StartAsync(int? port = null, params string[] extraArguments)
    {
        var broker = new BrokerProcess(port, extraArguments);
        try
        {
            await broker.StartAgainAsync();
            return broker;
        }
        catch
        {
            await broker.DisposeAsync();
            throw;
        }
    }
}
