using System.CommandLine;
using Loire.Cli.Shared;

namespace Loire.Cli.Topics;

/// <summary><c>loire topics list</c></summary>
internal static class TopicsList
{
    private static readonly Option<bool> Internal = new("--internal")
    {
        Description = "Also those that brokers keep for themselves",
    };

    public static Command Create() => new Command("list", "List the topics") { Internal }.Runs(async context =>
    {
        var metadata = await context.Client.GetMetadataAsync(topics: null, allowAutoTopicCreation: false, context.Cancelled);
        var rows = metadata.Topics
            .Where(topic => context.Get(Internal) || !topic.IsInternal)
            .Select(topic => new Row(
                topic.Name!.Value.Value,
                topic.Partitions.Count,
                topic.Partitions.Select(partition => partition.ReplicaNodes.Count).DefaultIfEmpty().Max(),
                topic.TopicId.ToString()))
            .OrderBy(row => row.Name, StringComparer.Ordinal)
            .ToList();
        context.Output.Rows(
            rows,
            ("Topic", row => row.Name),
            ("Partitions", row => row.Partitions),
            ("Replicas", row => row.Replicas),
            ("Id", row => row.Id));
    });

    private sealed record Row(string Name, int Partitions, int Replicas, string Id);
}
