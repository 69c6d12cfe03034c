using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Loire.Broker.Handlers;
using Loire.Protocol.Wire;

namespace Loire.Broker.Gateway;

/// <summary>The answers that a connection owes, in the order of their requests. One loop waits for the first of them,
/// writes it, and goes on to the next; an answer that is ready before its predecessor waits in its slot.</summary>
internal sealed class AnswerQueue(KafkaConnection connection, ResponseOutput output, int capacity)
{
    /// <summary>Continuations run at once, so that an answer which is ready when it is added is on its way when
    /// <see cref="AddAsync"/> returns.</summary>
    private readonly Channel<Answer> _answers = Channel.CreateBounded<Answer>(new BoundedChannelOptions(capacity)
    {
        SingleReader = true,
        SingleWriter = true,
        AllowSynchronousContinuations = true,
    });

    private readonly Lock _lock = new();
    private TaskCompletionSource? _emptied;
    private int _count;
    private bool _isDead;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds the answer to the request read last; waits while the queue is full.</summary>
    public ValueTask AddAsync(in Answer answer)
    {
        lock (_lock) _count++;
        return _answers.Writer.WriteAsync(answer);
    }

    /// <summary>Completes when every answer added so far is written.</summary>
    public Task WaitUntilEmptyAsync()
    {
        lock (_lock)
        {
            if (_count == 0) return Task.CompletedTask;
            _emptied ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _emptied.Task;
        }
    }

    public void Complete() => _answers.Writer.Complete();

    /// <summary>Writes answers until the queue is complete and empty. Once the connection is dead, answers are awaited and
    /// dropped, for their sources must be released.</summary>
    public async Task RunAsync()
    {
        while (await _answers.Reader.WaitToReadAsync())
        {
            while (_answers.Reader.TryRead(out var answer))
            {
                await ServeAsync(answer);
                lock (_lock)
                {
                    if (--_count > 0) continue;
                    _emptied?.SetResult();
                    _emptied = null;
                }
            }
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ServeAsync(Answer answer)
    {
        try
        {
            if (await answer.Response is { } response) Write(answer, response);
            // Requests that share a group commit are answered one right after the other: the rest of them gets a moment to be
            // ready, so that one call sends them all and wakes the client once.
            if (_answers.Reader.Count > 0 && !IsNextReady()) await Task.Yield();
            if (_isDead) output.Discard();
            else _isDead = !await output.SendAsync(flush: !IsNextReady());
            connection.Answered(answer);
        }
        catch (Exception error)
        {
            _isDead = true;
            output.Discard();
            connection.FailAnswer(answer, error);
        }
    }

    private bool IsNextReady() => _answers.Reader.TryPeek(out var next) && next.Response.IsCompleted;

    private void Write(in Answer answer, IMessage response)
    {
        var (api, version) = (answer.Api, answer.Context.ApiVersion);
        var hasTags = api.Messages.ResponseHeaderVersion(version) >= 1;
        var size = checked(sizeof(int) + (hasTags ? 1 : 0) + response.SizeOf(version));
        var writer = new WireWriter(output);
        writer.WriteInt32(size);
        writer.WriteInt32(answer.Context.CorrelationId);
        if (hasTags) writer.WriteUVarint(0);
        response.Write(ref writer, version);
        writer.Flush();
        connection.CountSent(FrameHeader.PrefixBytes + size);
    }
}

/// <summary>An answer that is owed. <paramref name="Response"/> gives null where none is sent.</summary>
/// <param name="StartTimestamp">When the request had arrived.</param>
/// <param name="Span">Null where nobody traces.</param>
internal readonly record struct Answer(
    Api Api, RequestContext Context, Task<IMessage?> Response, long StartTimestamp, Activity? Span);
