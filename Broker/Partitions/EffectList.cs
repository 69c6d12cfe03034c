using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>What a core decided that its driver carries out once the lock is released. Reused: a thread keeps one.</summary>
internal sealed class EffectList
{
    [ThreadStatic]
    private static EffectList? t_cached;

    private readonly List<Effect> _effects = [];

    public int Count => _effects.Count;

    /// <summary>An empty list. <see cref="RunAndReturn"/> gives it back.</summary>
    public static EffectList Rent()
    {
        var list = t_cached ?? new EffectList();
        t_cached = null;
        return list;
    }

    public void Committed(ICommitListener listener, int slot, ErrorCode error) =>
        _effects.Add(new Effect(listener, slot, error));

    public void Available(IFetchListener listener, long addedBytes) =>
        _effects.Add(new Effect(listener, addedBytes, ErrorCode.None));

    public void PartitionChanged(IFetchListener listener) =>
        _effects.Add(new Effect(listener, 0, ErrorCode.NotLeaderOrFollower));

    /// <summary>Carries the effects out in order; the list must not be used afterwards.</summary>
    public void RunAndReturn()
    {
        foreach (ref readonly var effect in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_effects)) effect.Run();
        _effects.Clear();
        t_cached = this;
    }

    private readonly struct Effect(object target, long argument, ErrorCode error)
    {
        public void Run()
        {
            if (target is ICommitListener commit) commit.OnCommitted((int)argument, error);
            else if (error != ErrorCode.None) ((IFetchListener)target).OnPartitionChanged();
            else ((IFetchListener)target).OnAvailable(argument);
        }
    }
}
