using System.Collections.Immutable;
using Loire.Broker.Configs;
using Loire.Broker.Ports;
using Loire.Protocol;

namespace Loire.Broker.Handlers;

/// <summary>The change of one resource in an AlterConfigs or IncrementalAlterConfigs request.</summary>
/// <param name="Names">The configs it names.</param>
internal sealed record ConfigAlteration(
    ConfigResource Resource,
    IReadOnlyCollection<string> Names,
    Func<ImmutableSortedDictionary<string, string>, ImmutableSortedDictionary<string, string>> Change)
{
    /// <summary>Makes all changes, each on its own. A resource that is named twice is not changed at all, nor is one for
    /// which a config is named twice.</summary>
    public static Task<AdminOutcome[]> ApplyAsync(
        IReadOnlyCollection<ConfigAlteration> alterations, bool validateOnly, ITopicCatalog catalog, RequestContext context)
    {
        var counts = alterations.CountBy(alteration => alteration.Resource).ToDictionary();
        return Task.WhenAll(alterations.Select(alteration =>
        {
            if (counts[alteration.Resource] > 1)
                return Refuse("Each resource may be named once.");
            if (alteration.Names.Distinct(StringComparer.Ordinal).Count() != alteration.Names.Count)
                return Refuse("Each config may be named once.");
            var change = catalog.AlterConfigsAsync(
                alteration.Resource,
                overrides => alteration.Apply(overrides, catalog.Configs),
                validateOnly,
                CancellationToken.None);
            return AdminOutcome.OfAsync(change, context.Aborted);
        }));
    }

    private ImmutableSortedDictionary<string, string> Apply(
        ImmutableSortedDictionary<string, string> overrides, ConfigLayers configs)
    {
        var changed = Change(overrides);
        foreach (var name in Names)
            configs.CheckBatchBytes(name, changed.GetValueOrDefault(name));
        return changed;
    }

    private static Task<AdminOutcome> Refuse(string message) =>
        Task.FromResult(new AdminOutcome(ErrorCode.InvalidRequest, message));
}
