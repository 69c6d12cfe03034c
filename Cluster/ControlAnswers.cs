using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Cluster;

/// <summary>What controllers answer to a client's request: it is known here, and acted upon, before the client is
/// answered.</summary>
internal static class ControlAnswers
{
    /// <exception cref="KafkaException">What the controller refused; REQUEST_TIMED_OUT where it cannot be reached.</exception>
    public static async Task<TopicRecord> LearnAsync(this ClusterView view, Task<TopicRecord> call)
    {
        var topic = await AnswerAsync(call);
        view.Learn(topic);
        await view.ToldAsync();
        return topic;
    }

    /// <inheritdoc cref="LearnAsync(ClusterView, Task{TopicRecord})"/>
    public static async Task<ClusterRecord> LearnAsync(this ClusterView view, Task<ClusterRecord> call)
    {
        var cluster = await AnswerAsync(call);
        view.Learn(cluster);
        await view.ToldAsync();
        return cluster;
    }

    /// <inheritdoc cref="LearnAsync(ClusterView, Task{TopicRecord})"/>
    public static async Task<T> AnswerAsync<T>(Task<T> call)
    {
        try
        {
            return await call;
        }
        catch (ControlUnavailableException away)
        {
            throw new KafkaException(
                ErrorCode.RequestTimedOut,
                $"The cluster's controllers cannot be reached now, and whether the change was made is not known: {away.Message}");
        }
    }
}
