using System.Runtime.InteropServices;
using Loire.Protocol;

namespace Loire.Broker.Partitions;

/// <summary>What a core decided that its driver carries out once the lock is released. Reused: a thread keeps one.</summary>
internal sealed class EffectList
{
    [ThreadStatic]
    private static EffectList? t_cached;

    private readonly List<Effect> _effects = [];

    /// <summary>An empty list. <see cref="RunAndReturn"/> gives it back.</summary>
    public static EffectList Rent()
    {
        var list = t_cached ?? new EffectList();
        t_cached = null;
        return list;
    }

    public void Committed(ICommitListener listener, int slot, ErrorCode error) =>
        _effects.Add(new Effect(Kind.Committed, listener, slot, error));

    public void Available(IFetchListener listener, long addedBytes) =>
        _effects.Add(new Effect(Kind.Available, listener, addedBytes, ErrorCode.None));

    public void PartitionChanged(IFetchListener listener) =>
        _effects.Add(new Effect(Kind.PartitionChanged, listener, 0, ErrorCode.None));

    /// <summary>Carries the effects out in order; the list must not be used afterwards.</summary>
    public void RunAndReturn()
    {
        foreach (ref readonly var effect in CollectionsMarshal.AsSpan(_effects)) effect.Run();
        _effects.Clear();
        t_cached = this;
    }

    private enum Kind : byte
    {
        Committed,
        Available,
        PartitionChanged,
    }

    private readonly struct Effect(Kind kind, object target, long argument, ErrorCode error)
    {
        public void Run()
        {
            switch (kind)
            {
                case Kind.Committed:
                    ((ICommitListener)target).OnCommitted((int)argument, error);
                    break;
                case Kind.Available:
                    ((IFetchListener)target).OnAvailable(argument);
                    break;
                default:
                    ((IFetchListener)target).OnPartitionChanged();
                    break;
            }
        }
    }
}
