using System.Globalization;
using Loire.Tests.Cli;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>A broker that the tests of a class share, each with topics and groups of its own.</summary>
public sealed class SharedBroker : IAsyncLifetime
{
    private BrokerProcess? _broker;

    public string Bootstrap => _broker!.Bootstrap;

    /// <summary>What the broker has printed so far.</summary>
    public IEnumerable<string> Log => _broker!.Output.Concat(_broker.Errors);

    public async ValueTask InitializeAsync() => _broker = await BrokerProcess.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_broker is not null) await _broker.DisposeAsync();
    }

    /// <param name="settings">NAME=VALUE each.</param>
    public Task CreateTopicAsync(string topic, int partitions = 1, params string[] settings) => CliAsync(
    [
        "topics", "create", topic, "-p", partitions.ToString(CultureInfo.InvariantCulture),
        .. settings.SelectMany(setting => (string[])["-c", setting]),
    ]);

    /// <summary>The values that a topic of one partition holds now.</summary>
    public async Task<string[]> ValuesAsync(string topic) =>
        (await CliAsync("consume", topic, "-o", "beginning", "-e")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Runs the command line against the broker; it has to succeed.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> CliAsync(params string[] arguments)
    {
        var run = await CliRun.RunAsync([.. arguments, "-b", Bootstrap]);
        run.ExitCode.ShouldBe(0, run.Error);
        return run.Output;
    }
}
