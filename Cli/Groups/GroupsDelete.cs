using System.CommandLine;
using Loire.Cli.Shared;
using Loire.Protocol;
using Loire.Protocol.Client;
using Loire.Protocol.Messages;

namespace Loire.Cli.Groups;

/// <summary><c>loire groups delete GROUP...</c></summary>
internal static class GroupsDelete
{
    private static readonly Argument<string[]> Groups = new("groups")
    {
        Description = "The groups' ids",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create() =>
        new Command("delete", "Delete groups that have no members, with their offsets") { Groups }.Runs(async context =>
        {
            foreach (var id in context.Get(Groups).Select(name => new GroupId(name)))
            {
                await context.Client.RetryAsync(
                    async cancelled =>
                    {
                        var coordinator = await context.Client.GetCoordinatorConnectionAsync(id, cancelled);
                        var response = await coordinator.SendAsync<DeleteGroupsRequest, DeleteGroupsResponse>(
                            new DeleteGroupsRequest { GroupsNames = [id] }, cancelled);
                        KafkaClientException.ThrowIfError(response.Results.Single().ErrorCode, detail: null, $"Group {id}");
                        return true;
                    },
                    context.Cancelled);
            }
            context.Output.Done($"Deleted {string.Join(", ", context.Get(Groups))}.", new { deleted = context.Get(Groups) });
        });
}
