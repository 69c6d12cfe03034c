using System.Collections.Concurrent;
using System.Text;
using Loire.Client;

namespace Loire.Tests.Cluster.Hosted;

/// <summary>A member of a group that reads through the Orleans client, on and on.</summary>
internal sealed class OrleansMember : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();

    public OrleansMember(ILoireClient client, string group, string topic, GroupConsumerOptions options) =>
        Reading = ReadAsync(client.CreateGroupConsumer(group, [topic], Told.By(options)));

    /// <summary>What it was given and what it lost.</summary>
    public Told Told { get; } = new();

    public ConcurrentQueue<string> Values { get; } = new();

    /// <summary>Fails where the reading does.</summary>
    public Task Reading { get; }

    /// <summary>Ends its reading, and with it, where it is no static one, its membership.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Reading;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ReadAsync(LoireGroupConsumer consumer)
    {
        try
        {
            await foreach (var batch in consumer.WithCancellation(_stop.Token))
            {
                foreach (var record in batch)
                    Values.Enqueue(Encoding.UTF8.GetString(record.Value!.Value.Span));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // That is how it is stopped.
        }
    }
}
