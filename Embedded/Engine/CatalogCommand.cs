namespace Loire.Embedded.Engine;

/// <summary>A change somebody waits for.</summary>
/// <param name="plan">The change to the state it meets; throws a KafkaException where that state does not allow it.</param>
/// <param name="validateOnly">Plan it, answer, and change nothing.</param>
internal sealed class CatalogCommand(Func<CatalogState, CatalogChange> plan, bool validateOnly)
{
    private readonly TaskCompletionSource<CatalogState> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The state with the change, when it is durable and announced.</summary>
    public Task<CatalogState> Outcome => _outcome.Task;

    /// <summary>Null while nothing but this command's answer depends on it.</summary>
    public CatalogChange? Change { get; private set; }

    public CatalogState? After { get; private set; }

    public Exception? Refusal { get; set; }

    /// <summary>The state after this command, which is <paramref name="before"/> where it changes nothing.</summary>
    public CatalogState Plan(CatalogState before)
    {
        try
        {
            var change = plan(before);
            After = before.Apply(change);
            if (validateOnly)
                return before;
            Change = change;
            return After;
        }
        catch (Exception refusal)
        {
            // Everything a plan throws belongs to the one who asked, bugs included: the others in the batch go on.
            Refusal = refusal;
            return before;
        }
    }

    public void Complete()
    {
        if (Refusal is not null)
            _outcome.TrySetException(Refusal);
        else
            _outcome.TrySetResult(After!);
    }
}
