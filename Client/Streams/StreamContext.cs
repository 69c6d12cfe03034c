using System.Diagnostics;
using Loire.Grains.Interfaces;

namespace Loire.Client;

/// <summary>What the parts of one stream provider share.</summary>
/// <param name="topicPatience">How long a missing topic is waited for that is not this side's to create.</param>
internal sealed class StreamContext(
    string providerName, ClientContext client, LoireStreamOptions options, IServiceProvider services, TimeSpan topicPatience)
{
    public string ProviderName => providerName;
    public ClientContext Client => client;
    public LoireStreamOptions Options => options;
    public IServiceProvider Services => services;

    public string GroupId => options.GroupId ?? $"streams-{providerName}";

    /// <summary>Looks a topic up, and creates it where it is missing and to be delivered here. Nobody else creates it: a
    /// writer that came first would decide how many partitions it has, and does not know how many queues the silos have.</summary>
    /// <exception cref="LoireException">There is no such topic, or it cannot be created now.</exception>
    public async ValueTask<TopicDescription> FindTopicAsync(string topic, CancellationToken cancellationToken)
    {
        if (await client.Topics.FindAsync(topic, cancellationToken) is { } known)
            return known;
        if (options.CreatesTopics && options.Topics.Contains(topic))
        {
            await new LoireAdmin(client).CreateTopicIfMissingAsync(
                topic, options.PartitionsPerTopic, cancellationToken: cancellationToken);
        }
        var started = client.Time.GetTimestamp();
        for (var backoff = default(Backoff); ;)
        {
            if (await client.Topics.RefreshAsync(topic, cancellationToken) is { } found)
                return found;
            if (client.Time.GetElapsedTime(started) >= topicPatience)
                throw Failures.UnknownStreamTopic(providerName, topic);
            await Task.Delay(backoff.Next(), client.Time, cancellationToken);
        }
    }

    /// <summary>Makes sure, before anything is delivered, that there is a topic for what will not be taken.</summary>
    /// <exception cref="LoireException">There is none, and it is not to be created, or cannot be now.</exception>
    public async ValueTask EnsureDeadLetterTopicAsync(CancellationToken cancellationToken)
    {
        if (options.OnDeliveryFailure != DeliveryFailurePolicy.DeadLetter)
            return;
        var topic = options.DeadLetterTopic!;
        if (await client.Topics.FindAsync(topic, cancellationToken) is not null)
            return;
        if (!options.CreatesTopics)
            throw Failures.UnknownDeadLetterTopic(providerName, topic);
        await new LoireAdmin(client).CreateTopicIfMissingAsync(topic, cancellationToken: cancellationToken);
    }

    /// <summary>Records without a value are no events.</summary>
    public LogPage ToPage(
        string topic, int partition, int lifeMark, long from, long next, IReadOnlyList<ConsumeRecord> records, int sizeBytes)
    {
        var events = new List<StreamRecord>(records.Count);
        foreach (var record in records)
        {
            if (record.Value is not { } value)
                continue;
            events.Add(new StreamRecord(
                StreamAddress.Of(topic, partition, record.Key),
                providerName,
                record.Offset,
                lifeMark,
                value,
                RequestContextOf(record),
                services,
                TraceOf(record)));
        }
        return new LogPage(from, next, events, sizeBytes);
    }

    /// <summary>No event: makes an agent look after a stream.</summary>
    public StreamRecord Mark(StreamId stream, long offset, int lifeMark) =>
        new(stream, providerName, offset, lifeMark, default, default, services);

    private static ActivityContext TraceOf(in ConsumeRecord record) =>
        LoireClientTelemetry.Source.HasListeners() && record.TryGetTraceContext(out var trace) ? trace : default;

    private static ReadOnlyMemory<byte> RequestContextOf(in ConsumeRecord record)
    {
        foreach (var header in record.Headers)
        {
            if (header.Name.SequenceEqual("orleans-request-context"u8))
                return header.Value.ToArray();
        }
        return default;
    }
}
