using Loire.Broker.Partitions;
using Loire.Protocol;
using Loire.Protocol.Messages;

namespace Loire.Broker.Handlers;

/// <summary>The answer to one Produce request while its batches are being committed: complete when all of them are, or
/// when the client's timeout is over. Its task never runs continuations inline.</summary>
internal sealed class PendingProduce : TaskCompletionSource<ProduceResponse?>, ICommitListener
{
    private readonly ProduceResponse _response;
    private readonly Slot[] _slots;
    private int _used;
    private int _uncommitted;
    private bool _isStarted;
    private bool _isAnswered;
    private ITimer? _timeout;

    public PendingProduce(ProduceResponse response, int partitionCount)
        : base(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        _response = response;
        _slots = new Slot[partitionCount];
    }

    /// <summary>Reserves a slot for a batch that is about to be appended.</summary>
    public int Add(ProduceResponse.PartitionProduceResponse partition)
    {
        lock (_slots)
        {
            _slots[_used].Partition = partition;
            _uncommitted++;
            return _used++;
        }
    }

    public void OnCommitted(int slot, ErrorCode error)
    {
        lock (_slots)
        {
            if (_isAnswered || _slots[slot].IsDone) return;
            _slots[slot].IsDone = true;
            if (error != ErrorCode.None) _slots[slot].Partition.ErrorCode = error;
            _uncommitted--;
            AnswerIfDone();
        }
    }

    /// <summary>Everything has been appended or refused: from here on the commits and the clock decide.</summary>
    public void Start(TimeProvider time, int timeoutMs)
    {
        lock (_slots)
        {
            _isStarted = true;
            AnswerIfDone();
            if (_isAnswered) return;
            _timeout = time.CreateTimer(
                static pending => ((PendingProduce)pending!).TimeOut(),
                this,
                TimeSpan.FromMilliseconds(Math.Max(0, timeoutMs)),
                Timeout.InfiniteTimeSpan);
        }
    }

    private void TimeOut()
    {
        lock (_slots)
        {
            if (_isAnswered) return;
            foreach (ref var slot in _slots.AsSpan(0, _used))
            {
                if (!slot.IsDone) slot.Partition.ErrorCode = ErrorCode.RequestTimedOut;
            }

            _uncommitted = 0;
            AnswerIfDone();
        }
    }

    private void AnswerIfDone()
    {
        if (!_isStarted || _uncommitted > 0 || _isAnswered) return;
        _isAnswered = true;
        _timeout?.Dispose();
        SetResult(_response);
    }

    private struct Slot
    {
        public ProduceResponse.PartitionProduceResponse Partition;
        public bool IsDone;
    }
}
