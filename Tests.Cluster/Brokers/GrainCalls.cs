using Loire.Grains.Interfaces;

namespace Loire.Tests.Cluster.Brokers;

/// <summary>Calls of grains as a client makes them while brokers die: what was not answered is asked again.</summary>
internal static class GrainCalls
{
    public static Task<T> AnswerAsync<T>(Func<Task<T>> ask, Func<T, bool> isWanted, string what) => Eventually.AnswersAsync(
        ask, isWanted, what, failure => failure is OrleansException or TimeoutException or LoireException);

    public static IPartitionGrain Partition(this IGrainFactory grains, string topic, int partition) =>
        grains.GetGrain<IPartitionGrain>(PartitionKey.Of(topic, partition));
}
