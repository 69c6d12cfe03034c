using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Handlers;

/// <summary>What became of one topic or resource of an admin request.</summary>
/// <param name="Message">Null where <paramref name="Error"/> is NONE.</param>
internal readonly record struct AdminOutcome(ErrorCode Error, string? Message)
{
    /// <summary>Waits for <paramref name="operation"/>. One that outlasts the request goes on, as in Kafka.</summary>
    public static async Task<AdminOutcome> OfAsync(Task operation, CancellationToken deadline)
    {
        try
        {
            await operation.WaitAsync(deadline);
            return default;
        }
        catch (KafkaException refusal)
        {
            return new(refusal.Code, refusal.Message);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            return new(ErrorCode.RequestTimedOut, "The outcome was not known within the request's timeout; the operation goes on.");
        }
    }

    /// <summary>Cancelled after a request's timeout, or when nobody waits any more. A client that gives no time (librdkafka
    /// by default) still learns the outcome, which takes milliseconds.</summary>
    public static CancellationTokenSource Deadline(RequestContext context, int timeoutMs)
    {
        var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.Aborted);
        if (timeoutMs > 0)
            deadline.CancelAfter(timeoutMs);
        return deadline;
    }
}
