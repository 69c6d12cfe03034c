using System.Net;
using System.Net.Sockets;
using Shouldly;
using Xunit;

namespace Loire.Tests.Standalone;

/// <summary>A start that cannot succeed ends at once, with one line that says why and what to do.</summary>
public sealed class RefusedStartTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("loire-test-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Data => Path.Combine(_directory, "not", "there", "yet");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("--listen", "--http")]
    [InlineData("--http", "--listen")]
    public async Task A_port_in_use_is_named(string option, string otherOption)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var line = await RefuseAsync(1, "--data", Data, option, other.LocalEndpoint.ToString()!, otherOption, "127.0.0.1:0");
        line.ShouldBe($"loire: Cannot listen on {other.LocalEndpoint}: the address is in use by another program.");
    }

    [Fact]
    public async Task Of_a_data_directory_in_use_the_process_is_named_that_uses_it()
    {
        await using var first = Start(Data);
        await first.WaitUntilReadyAsync();
        var line = await RefuseAsync(1, "--data", Data);
        line.ShouldBe($"loire: {Data} is in use by process {first.Id}: stop it, or name another data directory.");
    }

    [Theory]
    [InlineData("")]
    [InlineData("below")]
    public async Task A_file_where_the_data_directory_should_be_is_named(string below)
    {
        var file = Path.Combine(_directory, "file");
        await File.WriteAllTextAsync(file, "mine", Cancelled);
        var data = Path.Combine(file, below);
        var line = await RefuseAsync(1, "--data", data);
        line.ShouldStartWith($"loire: {data} cannot be the data directory: ");
        line.ShouldContain(file);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_read_only_file_system_is_not_taken_for_a_directory_in_use(bool wasUsedBefore)
    {
        using var disk = SmallDisk.TryMount(1_000, out var whyNot);
        if (disk is null) Assert.Skip(whyNot);
        var data = Path.Combine(disk.Directory, "data");
        if (wasUsedBefore)
        {
            await using var before = Start(data);
            await before.WaitUntilReadyAsync();
            (await before.TerminateAsync()).ShouldBe(0);
        }

        disk.MakeReadOnly();
        var line = await RefuseAsync(1, "--data", data);
        line.ShouldStartWith($"loire: {data} cannot be the data directory: Read-only file system");
        line.ShouldEndWith("Name another one, or see to it that it can be written to.");
    }

    [Theory]
    [InlineData("meta.json", "\"format\": 1", "\"format\": 2")]
    [InlineData("journal/format", "loire journal, format 1", "loire journal, format 2")]
    public async Task A_newer_format_asks_for_the_newer_release(string file, string written, string newer)
    {
        await using (var before = Start(Data))
        {
            await before.WaitUntilReadyAsync();
            (await before.TerminateAsync()).ShouldBe(0);
        }

        var path = Path.Combine(Data, file);
        var text = await File.ReadAllTextAsync(path, Cancelled);
        text.ShouldContain(written);
        await File.WriteAllTextAsync(path, text.Replace(written, newer, StringComparison.Ordinal), Cancelled);
        var line = await RefuseAsync(1, "--data", Data);
        line.ShouldStartWith($"loire: {Path.GetDirectoryName(path)}");
        line.ShouldContain("format 2");
        line.ShouldContain("newer");
    }

    [Fact]
    public async Task A_broken_settings_file_is_named_with_its_line()
    {
        var file = Path.Combine(_directory, "settings.json");
        await File.WriteAllTextAsync(file, "{\n  \"Loire\": {\n    \"NodeId\" 1\n  }\n}\n", Cancelled);
        var line = await RefuseAsync(2, "--config", file);
        line.ShouldContain(file);
        line.ShouldContain("Line 3: ");
    }

    private static StandaloneProcess Start(string data) => new("--data", data, "--listen", "127.0.0.1:0", "--http", "none");

    /// <returns>The one line that it says.</returns>
    private static async Task<string> RefuseAsync(int exitCode, params string[] arguments)
    {
        string[] http = arguments.Contains("--http") ? [] : ["--http", "none"];
        await using var broker = new StandaloneProcess([.. arguments, .. http]);
        (await broker.WaitForExitAsync()).ShouldBe(exitCode);
        broker.Output.ShouldAllBe(line => line.Contains("Loire.Log.LogStore[1] Opened", StringComparison.Ordinal));
        return broker.Errors.ShouldHaveSingleItem();
    }
}
