using Microsoft.Extensions.Logging;

namespace Loire.Client;

/// <summary>Waits that double from attempt to attempt, scattered so that clients do not come back all at once.</summary>
internal struct Backoff
{
    private const int FirstMs = 20;
    private const int MaxMs = 1_000;
    private int _attempts;

    public readonly int Attempts => _attempts;

    public TimeSpan Next()
    {
        var doubled = Math.Min(FirstMs << Math.Min(_attempts++, 10), MaxMs);
        return TimeSpan.FromMilliseconds(doubled * (0.75 + (Random.Shared.NextDouble() / 2)));
    }

    public void Reset() => _attempts = 0;
}

/// <summary>Repeats calls that failed in a way that may pass.</summary>
internal static partial class Retry
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <param name="what">What is tried, for the log.</param>
    public static async Task<T> RunAsync<T>(
        ClientContext context, string what, Func<Task<T>> call, CancellationToken cancellationToken)
    {
        var started = context.Time.GetTimestamp();
        for (var backoff = default(Backoff); ;)
        {
            try
            {
                return await call().WaitAsync(cancellationToken);
            }
            catch (Exception exception) when (Failures.MayPass(exception) && context.Time.GetElapsedTime(started) < Patience)
            {
                LogRetry(context.Logger, what, backoff.Attempts + 1, exception.Message);
                await Task.Delay(backoff.Next(), context.Time, cancellationToken);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{What} failed (attempt {Attempt}) and is repeated: {Reason}")]
    private static partial void LogRetry(ILogger logger, string what, int attempt, string reason);
}
