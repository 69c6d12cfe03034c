using System.Collections;
using System.Runtime.CompilerServices;
using Xunit;

namespace Loire.Tests;

/// <summary>Waits for what others bring about. Nothing sleeps in the hope that it has come to pass meanwhile.</summary>
internal static class Eventually
{
    /// <summary>Far more than anything needs, on a machine that is busy with other things too.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Of an answer that is a collection.</summary>
    private const int ShownMax = 20;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    /// <summary>Waits until the condition holds; fails where it does not, and says what it waited for.</summary>
    /// <param name="state">Describes how things stand when it gives up.</param>
    public static async Task IsTrueAsync(
        Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "", Func<string>? state = null)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var poll = new PeriodicTimer(Pause);
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience) throw Failure(what, state?.Invoke());
            await poll.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Asks until the answer is the wanted one.</summary>
    /// <param name="mayFail">The failures after which to ask again; none where it is null.</param>
    /// <returns>The wanted answer.</returns>
    public static async Task<T> AnswersAsync<T>(
        Func<Task<T>> ask,
        Func<T, bool> isWanted,
        [CallerArgumentExpression(nameof(isWanted))] string what = "",
        Func<Exception, bool>? mayFail = null)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        using var poll = new PeriodicTimer(Pause);
        var last = "There is no answer at all.";
        try
        {
            while (true)
            {
                try
                {
                    var answer = await ask().WaitAsync(patience.Token);
                    if (isWanted(answer)) return answer;
                    last = $"The last answer is {Describe(answer)}.";
                }
                catch (Exception failure) when (failure is not OperationCanceledException && mayFail?.Invoke(failure) == true)
                {
                    last = $"The last question failed: {failure.Message}";
                }

                await poll.WaitForNextTickAsync(patience.Token);
            }
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            throw Failure(what, last);
        }
    }

    private static string? Describe(object? answer) =>
        answer is IEnumerable many and not string ? $"[{string.Join(", ", many.Cast<object>().Take(ShownMax))}]" : answer?.ToString();

    private static TimeoutException Failure(string what, string? state) =>
        new($"Not within {Patience.TotalSeconds:0} s: {what}. {state}");
}
