namespace Loire.Broker.Groups;

/// <summary>An answer as a task. Its continuations never run on the coordinator's thread.</summary>
public sealed class ReplyTask<TReply>() : TaskCompletionSource<TReply>(TaskCreationOptions.RunContinuationsAsynchronously),
    IReplyTo<TReply>
{
    public void Deliver(TReply reply) => TrySetResult(reply);
}
