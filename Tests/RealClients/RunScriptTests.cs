using System.Diagnostics;
using System.Globalization;
using Loire.Bench.Processes;
using Loire.Tests.Repo;
using Shouldly;
using Xunit;

namespace Loire.Tests.RealClients;

/// <summary>What the README says under "Start", done as it says.</summary>
[Collection(nameof(RealClients))]
public sealed class RunScriptTests
{
    private const string Address = "localhost:9092";

    [Fact]
    public async Task A_broker_that_run_started_does_what_the_README_shows()
    {
        var snippet = Repository.Read("README.md").Split("```python\n")[1].Split("```")[0];
        snippet.ShouldContain(Address);
        await using var broker = new RunScript(LoopbackPort.Free());
        await broker.StartAgainAsync();
        await using (var client = ClientProcess.Start(
            "/usr/bin/python3", "-u", "-c", snippet.Replace(Address, broker.Bootstrap, StringComparison.Ordinal)))
        {
            // The snippet waits for messages for ever.
            await client.WaitForAsync(line => line.ToString() == "b'hello'", "hello");
        }

        (await broker.TerminateAsync()).ShouldBe(0);
        Directory.Exists(Path.Combine(broker.WorkingDirectory, "data", "journal")).ShouldBeTrue();
    }

    /// <summary>./run, which becomes the broker, in a directory of its own.</summary>
    private sealed class RunScript(int port) : HostProcess("run")
    {
        public string WorkingDirectory { get; } = Directory.CreateTempSubdirectory("loire-test-").FullName;

        public string Bootstrap { get; } = $"localhost:{port.ToString(CultureInfo.InvariantCulture)}";

        protected override ProcessStartInfo Program =>
            new(Path.Combine(Repository.Root, "run")) { WorkingDirectory = WorkingDirectory };

        protected override IEnumerable<string> Arguments => ["--listen", Bootstrap, "--http", "none"];

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            Directory.Delete(WorkingDirectory, recursive: true);
        }
    }
}
