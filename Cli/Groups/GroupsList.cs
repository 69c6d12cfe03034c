using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Groups;

/// <summary><c>loire groups list</c></summary>
internal static class GroupsList
{
    public static Command Create() => new Command("list", "List the consumer groups").Runs(async context =>
    {
        var groups = await context.Client.SendToEveryBrokerAsync<ListGroupsRequest, ListGroupsResponse>(
            new ListGroupsRequest(), context.Cancelled);
        var rows = new List<Row>();
        foreach (var response in groups)
        {
            KafkaClientException.ThrowIfError(response.ErrorCode, detail: null, "Listing groups");
            rows.AddRange(response.Groups.Select(
                group => new Row(group.GroupId.Value, group.GroupState, group.ProtocolType, group.GroupType)));
        }
        rows.Sort((a, b) => string.CompareOrdinal(a.Group, b.Group));
        context.Output.Rows(
            rows, ("Group", row => row.Group), ("State", row => row.State), ("Protocol", row => row.Protocol), ("Type", row => row.Type));
    });

    private sealed record Row(string Group, string State, string Protocol, string Type);
}
