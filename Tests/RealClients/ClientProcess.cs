using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Loire.Tests.Repo;

namespace Loire.Tests.RealClients;

/// <summary>A real client as a process: JSON lines in, JSON lines out.</summary>
internal sealed class ClientProcess : IAsyncDisposable
{
    /// <summary>More than the clients themselves wait for anything, so that they can say what it was.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly Channel<JsonNode> _lines = Channel.CreateUnbounded<JsonNode>();
    private readonly string _name;

    private ClientProcess(string name, ProcessStartInfo start)
    {
        _name = name;
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{name} did not start");
        _process.OutputDataReceived += (_, line) => OnLine(line.Data);
        _process.ErrorDataReceived += (_, line) => OnError(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Everything the process printed that has been read so far.</summary>
    public List<JsonNode> Seen { get; } = [];

    public static ClientProcess Start(ClientKind kind, string command, JsonObject options)
    {
        var (file, script) = kind switch
        {
            ClientKind.KafkaPython => ("/usr/bin/python3", "Tests/RealClients/clients/kafka_python.py"),
            ClientKind.Confluent => ("/usr/bin/python3", "Tests/RealClients/clients/confluent.py"),
            ClientKind.KafkaJs => ("node", "Tests/RealClients/kafkajs/client.js"),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "kcat has no script"),
        };
        return new ClientProcess(
            $"{kind} {command}",
            new ProcessStartInfo(file, [Path.Combine(Repository.Root, script), command, options.ToJsonString()]));
    }

    public static ClientProcess Start(string file, params string[] arguments) =>
        new($"{file} {string.Join(' ', arguments)}", new ProcessStartInfo(file, arguments));

    public async Task WriteLineAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>Reads lines until one satisfies <paramref name="wanted"/>, and returns it.</summary>
    public async Task<JsonNode> WaitForAsync(Func<JsonNode, bool> wanted, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            while (await _lines.Reader.WaitToReadAsync(patience.Token))
            {
                while (_lines.Reader.TryRead(out var line))
                {
                    Seen.Add(line);
                    if (wanted(line))
                    {
                        return line;
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            throw Failure($"nothing like '{what}' within {Patience}");
        }

        throw Failure($"ended without '{what}'");
    }

    /// <summary>Reads the lines that are there already.</summary>
    public void ReadAvailable()
    {
        while (_lines.Reader.TryRead(out var line)) Seen.Add(line);
    }

    /// <summary>Waits for the process to end well, and returns all that it printed.</summary>
    public async Task<List<JsonNode>> FinishAsync(bool mayFail = false)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(patience.Token))
            {
                Seen.Add(line);
            }

            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw Failure($"did not end within {Patience}");
        }

        return _process.ExitCode == 0 || mayFail ? Seen : throw Failure($"exit code {_process.ExitCode}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void OnLine(string? line)
    {
        if (line is null)
        {
            _lines.Writer.TryComplete();
        }
        else if (line.StartsWith('{'))
        {
            OnJson(line);
        }
        else
        {
            _lines.Writer.TryWrite(JsonValue.Create(line));
        }
    }

    private void OnJson(string line)
    {
        try
        {
            _lines.Writer.TryWrite(JsonNode.Parse(line)!);
        }
        catch (JsonException fault)
        {
            // Thrown here, on the thread that reads, it would be the end of every test.
            _lines.Writer.TryComplete(new InvalidOperationException($"{_name} printed what is no JSON: {line}", fault));
        }
    }

    private void OnError(string? line)
    {
        lock (_errors)
        {
            _errors.AppendLine(line);
        }
    }

    private InvalidOperationException Failure(string what)
    {
        lock (_errors)
        {
            var tail = string.Join('\n', Seen.TakeLast(5).Select(line => line.ToJsonString()));
            return new InvalidOperationException($"{_name}: {what}. Last output:\n{tail}\nErrors:\n{_errors}");
        }
    }
}
