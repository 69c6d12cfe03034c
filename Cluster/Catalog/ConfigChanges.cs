using System.Collections.Immutable;
using System.Globalization;
using Loire.Broker.Ports;
using Loire.Broker.Topics;
using Loire.Protocol;

namespace Loire.Cluster.Catalog;

/// <summary>Changes settings by compare-and-set: where somebody else was faster the record is read anew and the change is
/// made to what it says now, so that no change is lost to a concurrent one.</summary>
internal sealed class ConfigChanges(ClusterView view, IClusterControl control)
{
    public static readonly ImmutableSortedDictionary<string, string> Nothing =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    private const int MaxAttempts = 20;

    public async Task AlterTopicAsync(
        TopicName topic,
        Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> change,
        bool validateOnly,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (view.Find(topic) is not { IsDeleted: false } known) throw TopicPlans.Unknown(topic);
            var overrides = TopicPlans.TopicOverrides(change(known.ConfigOverrides));
            if (validateOnly) return;
            try
            {
                await view.LearnAsync(control.SetTopicConfigsAsync(topic, overrides, known.Version, cancellationToken));
                return;
            }
            catch (KafkaException raced) when (raced.Code == ErrorCode.InvalidUpdateVersion && attempt < MaxAttempts)
            {
                if (await ControlAnswers.AnswerAsync(control.SettleAsync(topic, started: null, cancellationToken)) is { } newer)
                    view.Learn(newer);
            }
        }
    }

    public async Task AlterBrokerAsync(
        ConfigResource resource,
        Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> change,
        bool validateOnly,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var known = view.Cluster;
            Check(known, resource);
            var overrides = TopicPlans.BrokerOverrides(change(known.BrokerConfigs.GetValueOrDefault(resource.Name, Nothing)));
            if (validateOnly) return;
            try
            {
                await view.LearnAsync(control.SetBrokerConfigsAsync(resource.Name, overrides, known.Version, cancellationToken));
                return;
            }
            catch (KafkaException raced) when (raced.Code == ErrorCode.InvalidUpdateVersion && attempt < MaxAttempts)
            {
                view.Learn(await ControlAnswers.AnswerAsync(control.ReadClusterAsync(cancellationToken)));
            }
        }
    }

    private static void Check(ClusterRecord cluster, ConfigResource resource)
    {
        if (resource.Type != ConfigResourceType.Broker)
            throw new KafkaException(ErrorCode.InvalidRequest, $"Resources of type {resource.Type} have no configs here.");
        var isKnown = resource.Name.Length == 0
            || (int.TryParse(resource.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && cluster.Find(new NodeId(id)) is not null);
        if (!isKnown)
        {
            throw new KafkaException(
                ErrorCode.InvalidRequest,
                $"There is no broker '{resource.Name}' in this cluster: name one of its brokers, or nothing for all.");
        }
    }
}
