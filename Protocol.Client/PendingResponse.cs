using System.Buffers;
using Loire.Protocol.Wire;

namespace Loire.Protocol.Client;

/// <summary>A request that waits for its answer.</summary>
internal abstract class PendingResponse
{
    /// <param name="frame">The answer without its size, in a pooled array that now belongs to the callee.</param>
    public abstract void Complete(byte[] frame, int length);

    public abstract void Fail(Exception exception);
}

/// <inheritdoc/>
internal sealed class PendingResponse<TResponse>(short version, short headerVersion) : PendingResponse
    where TResponse : class, IMessage<TResponse>
{
    private readonly TaskCompletionSource<ResponseLease<TResponse>> _completion =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<ResponseLease<TResponse>> Task => _completion.Task;

    public override void Complete(byte[] frame, int length)
    {
        try
        {
            var reader = new WireReader(new ReadOnlySequence<byte>(frame, 0, length));
            Messages.ResponseHeader.Read(ref reader, headerVersion);
            var response = TResponse.Read(ref reader, version);
            if (!_completion.TrySetResult(new ResponseLease<TResponse>(response, frame)))
                ArrayPool<byte>.Shared.Return(frame);
        }
        catch (WireFormatException exception)
        {
            ArrayPool<byte>.Shared.Return(frame);
            Fail(exception);
        }
    }

    public override void Fail(Exception exception) => _completion.TrySetException(exception);
}

/// <summary>An answer and the memory that its byte fields lie in, which disposal gives back.</summary>
public readonly struct ResponseLease<TResponse> : IDisposable
    where TResponse : class
{
    private readonly byte[] _frame;

    internal ResponseLease(TResponse response, byte[] frame)
    {
        Response = response;
        _frame = frame;
    }

    public TResponse Response { get; }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_frame);
}
