using Microsoft.Extensions.Hosting;

namespace Loire.Hosting;

/// <summary>Lets a generic host inside ours neither wait for the process's signals nor react to them: they are
/// <see cref="StopSignal"/>'s.</summary>
public sealed class NoSignals : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
