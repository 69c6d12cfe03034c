using Loire.Cli.Shared;
using Loire.Protocol.Client;

namespace Loire.Cli.Records;

/// <summary>Counts what is delivered, and says of each batch that is not why not, as soon as that is known. Thread-safe.</summary>
/// <param name="stop">Cancelled at the first failure; null where the rest is to be tried all the same.</param>
internal sealed class Deliveries(Output output, CancellationTokenSource? stop)
{
    private long _delivered;
    private long _lost;
    private KafkaClientException? _failure;

    public long Delivered => Interlocked.Read(ref _delivered);

    public long Lost => Interlocked.Read(ref _lost);

    public void Add(DeliveryReport report)
    {
        if (report.Failure is null)
        {
            Interlocked.Add(ref _delivered, report.RecordsCount);
            return;
        }
        Interlocked.Add(ref _lost, report.RecordsCount);
        Interlocked.CompareExchange(ref _failure, report.Failure, null);
        output.Error($"{report.RecordsCount} records are not acknowledged. {report.Failure.Message}");
        _ = stop?.CancelAsync();
    }

    /// <param name="hint">What else to say where something failed.</param>
    /// <exception cref="CliException">Something failed.</exception>
    public void ThrowIfLost(string hint)
    {
        if (_failure is not { } failure)
            return;
        throw new CliException(
            failure.IsUnreachable ? ExitCode.Unreachable : ExitCode.Refused,
            $"{Lost} of {Lost + Delivered} records are not acknowledged.{hint}");
    }
}
